import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import { type Environment, messageOf, OpsError } from '@aa-ops/topology';

/** Where the pods are: whose credentials, which API server, which namespace. */
export interface Connection {
  config: KubeConfig;
  /** Name of the kubeconfig's context; undefined: a pod's own service account. */
  context: string | undefined;
  namespace: string;
  /** URL of the API server. */
  server: string;
  /** We run in the cluster ourselves, and pods may be reached at their addresses. */
  isInCluster: boolean;
}

export interface ConnectionSources {
  env: NodeJS.ProcessEnv;
  home?: string;
  /** What stands before every path of a service account; for tests. */
  root?: string;
}

/** Where every pod finds its service account. */
const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';
const DEFAULT_NAMESPACE = 'default';

/**
 * Reads the kubeconfig ($KUBECONFIG, then ~/.kube/config), else the service account of the pod that we run in. The context
 * and the namespace are those that the environment names, whatever kubectl was last set to: a kubeconfig without that
 * context is refused, and so is a pod of another namespace. Throws OpsError `kubernetes-unconfigured`, `kube-context`, `kube-namespace`.
 */
export function openConnection(
  environment: Environment,
  { env, home = homedir(), root = '' }: ConnectionSources = { env: process.env },
): Connection {
  const isInCluster = Boolean(env['KUBERNETES_SERVICE_HOST']);
  const files = kubeconfigFiles(env, home);
  if (files.length > 0) return { ...fromKubeconfig(environment, files), isInCluster };
  if (isInCluster && existsSync(join(root, SERVICE_ACCOUNT, 'token')))
    return fromServiceAccount(environment, root);
  throw new OpsError(
    'kubernetes-unconfigured',
    `environment ${environment.name} is on Kubernetes, and there is neither a kubeconfig nor a service account`,
    {
      kind: 'refused',
      hint: `set KUBECONFIG, or write ${join(home, '.kube', 'config')}, with a context named ${environment.kubeContext ?? environment.name}`,
    },
  );
}

function kubeconfigFiles(env: NodeJS.ProcessEnv, home: string): string[] {
  if (env['KUBECONFIG']) return env['KUBECONFIG'].split(delimiter).filter(Boolean);
  const usual = join(home, '.kube', 'config');
  return existsSync(usual) ? [usual] : [];
}

function fromKubeconfig(environment: Environment, files: readonly string[]): Omit<Connection, 'isInCluster'> {
  const config = readFiles(files);
  const name = environment.kubeContext ?? config.getCurrentContext();
  const context = config.getContextObject(name);
  const cluster = context && config.getCluster(context.cluster);
  if (!context || !cluster) {
    const found = config.getContexts().map((one) => one.name);
    const file = files.join(', ');
    const others = found.length > 0 ? `only ${found.join(', ')}` : 'no context';
    throw new OpsError(
      'kube-context',
      `environment ${environment.name} is on context ${name}, and ${file} has ${others}`,
      {
        kind: 'refused',
        hint: `use a kubeconfig with context ${name}, or correct kubeContext of ${environment.name} in the topology`,
        details: { expected: name, found },
      },
    );
  }
  config.setCurrentContext(name);
  const namespace = environment.namespace ?? context.namespace ?? DEFAULT_NAMESPACE;
  return { config, context: name, namespace, server: cluster.server };
}

/** Several files count as one, and those that are missing as none, as for kubectl. */
function readFiles(files: readonly string[]): KubeConfig {
  const there = files.filter((file) => existsSync(file));
  try {
    const config = new KubeConfig();
    config.loadFromFile(there[0] ?? files[0]!);
    for (const file of there.slice(1)) {
      const more = new KubeConfig();
      more.loadFromFile(file);
      config.mergeConfig(more, true);
    }
    return config;
  } catch (error) {
    throw new OpsError(
      'kubernetes-unconfigured',
      `cannot read the kubeconfig ${files.join(', ')}: ${messageOf(error)}`,
      {
        kind: 'refused',
        hint: 'correct KUBECONFIG, or that file',
      },
    );
  }
}

function fromServiceAccount(environment: Environment, root: string): Connection {
  const own = readFileSync(join(root, SERVICE_ACCOUNT, 'namespace'), 'utf8').trim();
  const namespace = environment.namespace ?? own;
  if (own !== namespace) {
    throw new OpsError(
      'kube-namespace',
      `environment ${environment.name} is in namespace ${namespace}, and this pod runs in ${own}`,
      {
        kind: 'refused',
        hint: `run it in ${namespace}, or choose the environment of ${own} with --env`,
        details: { expected: namespace, found: own },
      },
    );
  }
  const config = new KubeConfig();
  config.loadFromCluster(root);
  const server = config.getCurrentCluster()!.server;
  return { config, context: undefined, namespace, server, isInCluster: true };
}
