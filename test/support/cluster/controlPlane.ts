import { generateKeyPairSync } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type Child, freePorts, startChild } from '../servers.ts';
import { untilReady } from '../../../cli/src/servers/until.ts';
import { type Access, openApi } from './api.ts';
import { type Identity, makeTokens, writeKubeconfig } from './identities.ts';
import { HOST_IP } from './network.ts';
import type { ClusterTools } from './tools.ts';

export interface ControlPlane {
  access(identity: Identity): Access;
  /** The API server's own certificate and key, which the kubelet's server borrows. */
  certificate: { cert: string; key: string };
  apiServerPid(): number;
  stop(): Promise<void>;
}

const READY_MS = 120_000;
const CONTROLLERS = [
  'deployment-controller',
  'replicaset-controller',
  'statefulset-controller',
  'daemonset-controller',
  'job-controller',
  'cronjob-controller',
  'garbage-collector-controller',
  'namespace-controller',
  'serviceaccount-controller',
  'endpointslice-controller',
  'endpoints-controller',
  'disruption-controller',
  'root-ca-certificate-publisher-controller',
  'clusterrole-aggregation-controller',
];

/**
 * etcd, API server and controller manager on free ports, RBAC on, admission as it is by default.
 * A dead API server is started again, as a kubelet does with a static pod; not as long as the file `hold-apiserver` stands in `dir`.
 */
export async function startControlPlane(tools: ClusterTools, dir: string): Promise<ControlPlane> {
  const [etcdPort, etcdPeers, apiPort] = (await freePorts(3)) as [number, number, number];
  const tokens = await makeTokens(dir);
  const keys = await makeServiceAccountKeys(dir);
  const etcd = await startEtcd(tools, dir, etcdPort, etcdPeers);
  const certificates = join(dir, 'certificates');
  const startApi = (): Promise<Child> =>
    startChild({
      command: tools.kubeApiserver,
      args: apiServerFlags({ dir: certificates, etcdPort, apiPort, tokenFile: tokens.file, keys }),
      logFile: join(dir, 'kube-apiserver.log'),
    });
  let api = await startApi();
  const access = (identity: Identity): Access => ({
    url: `https://${HOST_IP}:${apiPort}`,
    ca,
    token: tokens.tokens[identity],
  });
  const certFile = join(certificates, 'apiserver.crt');
  const ca = await untilReady('kube-apiserver', api, READY_MS, () => readFile(certFile, 'utf8'));
  await untilReady('kube-apiserver', api, READY_MS, () => isReady(access('admin')));
  const startManager = (): Promise<Child> =>
    startControllerManager(tools, dir, access('admin'), keys.private, certFile);
  let manager = await startManager();
  await untilReady('kube-controller-manager', manager, READY_MS, () => hasDefaultAccount(access('admin')));

  let stopping = false;
  const revival = (async () => {
    while (!stopping) {
      await api.exited;
      while (!stopping && existsSync(join(dir, 'hold-apiserver'))) await pause(50);
      if (stopping) return;
      api = await startApi();
      // With leader election it ends itself when it cannot renew its lease. Without that its watches would wait longer each time, a minute at last.
      await manager.end('SIGKILL', 5_000);
      manager = await startManager();
    }
  })();
  return {
    access,
    certificate: { cert: ca, key: await readFile(join(certificates, 'apiserver.key'), 'utf8') },
    apiServerPid: () => api.pid,
    async stop() {
      stopping = true;
      await api.end('SIGKILL', 5_000);
      await revival; // which may have begun another
      for (const child of [manager, api]) await child.end('SIGKILL', 5_000);
      await etcd.end('SIGKILL', 5_000);
    },
  };
}

async function startEtcd(tools: ClusterTools, dir: string, port: number, peers: number): Promise<Child> {
  const url = `http://127.0.0.1:${port}`;
  const args = [
    `--data-dir=${join(dir, 'etcd')}`,
    `--listen-client-urls=${url}`,
    `--advertise-client-urls=${url}`,
    `--listen-peer-urls=http://127.0.0.1:${peers}`,
    `--initial-advertise-peer-urls=http://127.0.0.1:${peers}`,
    `--initial-cluster=default=http://127.0.0.1:${peers}`,
    '--unsafe-no-fsync', // a test's cluster does not outlive its machine
    '--log-level=warn',
  ];
  const etcd = await startChild({ command: tools.etcd, args, logFile: join(dir, 'etcd.log') });
  await untilReady('etcd', etcd, READY_MS, async () => {
    const { ok } = await fetch(`${url}/health`);
    if (!ok) throw new Error('etcd is not healthy yet');
  });
  return etcd;
}

function apiServerFlags(of: {
  dir: string;
  etcdPort: number;
  apiPort: number;
  tokenFile: string;
  keys: { public: string; private: string };
}): string[] {
  return [
    `--etcd-servers=http://127.0.0.1:${of.etcdPort}`,
    '--bind-address=0.0.0.0', // every address of a network namespace of its own
    `--advertise-address=${HOST_IP}`,
    `--secure-port=${of.apiPort}`,
    `--cert-dir=${of.dir}`,
    '--service-cluster-ip-range=10.96.0.0/16',
    '--endpoint-reconciler-type=none',
    '--authorization-mode=RBAC',
    `--token-auth-file=${of.tokenFile}`,
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${of.keys.public}`,
    `--service-account-signing-key-file=${of.keys.private}`,
    '--kubelet-preferred-address-types=InternalIP',
    '--profiling=false',
  ];
}

async function startControllerManager(
  tools: ClusterTools,
  dir: string,
  access: Access,
  signingKey: string,
  ca: string,
): Promise<Child> {
  const kubeconfig = await writeKubeconfig(
    join(dir, 'controller-manager.kubeconfig'),
    access,
    'manager',
    'default',
  );
  return startChild({
    command: tools.kubeControllerManager,
    args: [
      `--kubeconfig=${kubeconfig}`,
      `--controllers=${CONTROLLERS.join(',')}`, // syncs after 1.4 s; with all of them after 4.7 s
      '--leader-elect=false',
      '--secure-port=0',
      `--service-account-private-key-file=${signingKey}`,
      `--root-ca-file=${ca}`,
      '--kube-api-qps=500',
      '--kube-api-burst=1000',
    ],
    logFile: join(dir, 'kube-controller-manager.log'),
  });
}

async function makeServiceAccountKeys(dir: string): Promise<{ public: string; private: string }> {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
  });
  const files = { public: join(dir, 'service-account.pub'), private: join(dir, 'service-account.key') };
  await writeFile(files.public, publicKey);
  await writeFile(files.private, privateKey, { mode: 0o600 });
  return files;
}

async function isReady(access: Access): Promise<void> {
  const api = openApi(access);
  try {
    await api.get('/readyz');
  } finally {
    api.close();
  }
}

async function hasDefaultAccount(access: Access): Promise<void> {
  const api = openApi(access);
  try {
    await api.get('/api/v1/namespaces/default/serviceaccounts/default'); // pods are refused without it
  } finally {
    api.close();
  }
}
