import type { Topology } from '@aa-ops/topology';
import type { StackConfig } from './stackConfig.ts';
import { problemOfKey } from './workloadEnv.ts';

/** Bytes that a ConfigMap may have in all; names and the object itself take a little of them. */
const MAX_CONFIG_MAP = 1_000_000;

/**
 * What is wrong between a stack and the topology that it names, and which neither of them can say alone; each line names its field.
 * `files` are the topology's, as a ConfigMap is to hold them.
 */
export function problemsOfFit(
  stack: StackConfig,
  topology: Topology,
  files: Readonly<Record<string, string>>,
): string[] {
  return [
    ...environmentProblems(stack, topology),
    ...workloadProblems(stack, topology),
    ...doorProblems(stack, topology),
    ...fileProblems(files),
  ];
}

function* environmentProblems({ environment: name, initialMode }: StackConfig, topology: Topology) {
  const { configMap, environment } = topology;
  if (!/^[A-Za-z0-9]([-_A-Za-z0-9]{0,61}[A-Za-z0-9])?$/.test(topology.name))
    yield `the topology's name is ${topology.name}, which is no value of a label: up to 63 letters and digits, - and _ between them`;
  if (!environment.namespace) yield `environment ${name} of the topology names no namespace`;
  // With a scheme or without one.
  if (environment.servers.some((server) => server.includes('@')))
    yield `environment ${name} of the topology has credentials in its servers, which would stand in the state: set aa-ops:stack.secrets.nats`;
  if (!configMap) yield 'the topology names no configMap';
  else if (configMap.modeKey.includes('.'))
    yield `configMap.modeKey is ${configMap.modeKey}: Pulumi cannot ignore a key with a dot`;
  if (initialMode !== undefined && !Object.hasOwn(topology.modes, initialMode))
    yield `aa-ops:stack.initialMode is ${initialMode}, which is no mode of the topology: ${Object.keys(topology.modes).join(', ')}`;
}

function* workloadProblems({ workloads }: StackConfig, topology: Topology) {
  const known = topology.workloads.map(({ name }) => name);
  for (const name of known)
    if (!Object.hasOwn(workloads, name))
      yield `aa-ops:stack.workloads has no ${name}, which the topology has`;
  for (const [name, { env }] of Object.entries(workloads)) {
    if (!known.includes(name)) yield `aa-ops:stack.workloads.${name}: is no workload of the topology`;
    for (const variable of topology.configMap ? Object.keys(env) : []) {
      const problem = problemOfKey(variable, topology.configMap!);
      if (problem) yield `aa-ops:stack.workloads.${name}.env.${variable}: ${problem}`;
    }
  }
}

/** Whoever protects an environment wants no door that asks for nothing. */
function* doorProblems(stack: StackConfig, topology: Topology) {
  const { environment, secrets } = stack;
  const {
    environment: { protected: isProtected },
    workloads,
  } = topology;
  const isOpen = !secrets.ingest && !secrets.ingestHmac && workloads.some(({ role }) => role === 'producer');
  if (isProtected && isOpen)
    yield `aa-ops:stack.secrets: environment ${environment} is protected, and POST /ingest/hrv would ask nobody for anything: set ingest, ingestHmac or both`;
  if (secrets.ouraVerification && !secrets.ouraWebhook)
    yield 'aa-ops:stack.secrets.ouraVerification: the pods would not start with it alone: set ouraWebhook as well, or neither';
  yield* oauthProblems(stack, topology);
}

/** What the pods would not start without. */
function* oauthProblems({ secrets, workloads }: StackConfig, topology: Topology) {
  if (!secrets.ouraTokenKey) return;
  for (const name of ['ouraOauth', 'ouraClient'] as const)
    if (!secrets[name])
      yield `aa-ops:stack.secrets.ouraTokenKey: opens Oura's OAuth flow, and the pods would not start with it alone: set ${name} as well`;
  for (const { name } of topology.workloads.filter(({ role }) => role === 'producer'))
    for (const variable of ['OURA_CLIENT_ID', 'OURA_REDIRECT_URI'])
      if (workloads[name] && !workloads[name].env[variable])
        yield `aa-ops:stack.workloads.${name}.env: has no ${variable}, which Oura's OAuth flow needs (secrets.ouraTokenKey opens it)`;
}

function* fileProblems(files: Readonly<Record<string, string>>) {
  for (const name of Object.keys(files))
    if (!/^[-._A-Za-z0-9]{1,253}$/.test(name))
      yield `the topology's file ${name}: its name is no key of a ConfigMap: letters, digits, - _ and .`;
  const bytes = Object.values(files).reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  if (bytes > MAX_CONFIG_MAP)
    yield `the topology has ${bytes} bytes, and the ConfigMap of the streams-apply Job takes ${MAX_CONFIG_MAP}`;
}
