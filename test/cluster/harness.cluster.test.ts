import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Json } from '../support/cluster/api.ts';
import { openApi } from '../support/cluster/api.ts';
import { type Cluster, useCluster } from '../support/cluster/useCluster.ts';
import { until } from '../support/cluster/until.ts';

// The cluster that every other test here stands on: what kubectl, the real controllers and our kubelet of processes make of ordinary objects.
let cluster: Cluster;
beforeAll(async () => {
  cluster = await useCluster();
});
afterAll(() => cluster?.stop());

const root = fileURLToPath(new URL('../../', import.meta.url));
const IN_NAMESPACE = `${root}scripts/in-namespace.mjs`;
const execute = promisify(execFile);
const kubectl = async (...args: string[]): Promise<string> => {
  const env = { ...process.env, KUBECONFIG: cluster.kubeconfigs.admin };
  const { stdout } = await execute(cluster.tools.kubectl, args, { env });
  return stdout;
};
const create = (kind: string, body: Json): Promise<Json> => cluster.api.post(pathOf(kind), body);
const pathOf = (kind: string, name = ''): string => {
  const group = { deployments: '/apis/apps/v1', jobs: '/apis/batch/v1' }[kind] ?? '/api/v1';
  return `${group}/namespaces/staging/${kind}${name && `/${name}`}`;
};

const serveHttp = (answer: string): string[] => [
  'node',
  '-e',
  `require('http').createServer((q, s) => s.end('${answer}')).listen(8080);
   console.log('listening as', process.getuid());
   process.on('SIGTERM', () => process.exit(0))`,
];

const deployment = (name: string, container: Json, replicas = 2): Json => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name },
  spec: {
    replicas,
    selector: { matchLabels: { app: name } },
    strategy: { rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
    template: {
      metadata: { labels: { app: name } },
      spec: {
        terminationGracePeriodSeconds: 5,
        containers: [
          {
            name,
            image: 'aa-ops/runtime:test',
            ports: [{ containerPort: 8080, name: 'http' }],
            ...container,
          },
        ],
      },
    },
  },
});
const readiness = { httpGet: { port: 'http' }, periodSeconds: 1 };
const podsOf = async (app: string): Promise<Json[]> =>
  (await cluster.api.get(`${pathOf('pods')}?labelSelector=app%3D${app}`)).items;
const onlyStatus = async (app: string): Promise<Json> =>
  (await podsOf(app))[0]?.status?.containerStatuses?.[0];

describe('a deployment of two', () => {
  beforeAll(async () => {
    await create('deployments', deployment('web', { command: serveHttp('one'), readinessProbe: readiness }));
    await create('services', {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'web' },
      spec: { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 'http' }] },
    });
    await kubectl('rollout', 'status', 'deployment/web', '--timeout=120s');
  });

  test('listens on one port in each pod, and answers through its service and the API server', async () => {
    const ips = (await podsOf('web')).map((it) => it.status.podIP);
    expect(new Set(ips).size).toBe(2);
    const { clusterIP } = (await cluster.api.get(pathOf('services', 'web'))).spec;
    expect(await until(async () => fetch(`http://${clusterIP}`).then((it) => it.text()))).toBe('one');
    const [{ metadata }] = (await podsOf('web')) as [Json];
    expect(await cluster.api.get(`${pathOf('pods', metadata.name)}:8080/proxy/`)).toBe('one');
  });

  test('is restarted one by one, and rolled back, by the real controllers', async () => {
    const before = (await podsOf('web')).map((it) => it.metadata.uid);
    await kubectl('rollout', 'restart', 'deployment/web');
    await kubectl('rollout', 'status', 'deployment/web', '--timeout=120s');
    await until(async () => {
      const now = await podsOf('web');
      expect(now).toHaveLength(2);
      expect(now.filter((it) => before.includes(it.metadata.uid))).toEqual([]);
    });
    await kubectl('rollout', 'undo', 'deployment/web');
    await kubectl('rollout', 'status', 'deployment/web', '--timeout=120s');
  });

  test('shows its logs to kubectl', async () => {
    const { metadata } = (await podsOf('web')).find((it) => !it.metadata.deletionTimestamp);
    expect(await kubectl('logs', metadata.name, '--tail=1')).toMatch(/^listening as \d+\n$/);
    expect(await kubectl('logs', metadata.name, '--timestamps')).toMatch(/^\d{4}-.*Z listening/);
  });
});

test('a container has a root that it cannot write, its own account, volumes and a token of its own', async () => {
  await create('configmaps', {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'words' },
    data: { greeting: 'hello' },
  });
  const look = `
    const fs = require('fs'); const tell = {};
    try { fs.writeFileSync('/written', ''); tell.wrote = true } catch (error) { tell.wrote = error.code }
    fs.writeFileSync('/tmp/here', '');
    tell.uid = process.getuid(); tell.greeting = fs.readFileSync('/words/greeting', 'utf8');
    tell.token = fs.readFileSync('/var/run/secrets/kubernetes.io/serviceaccount/token', 'utf8').split('.').length;
    tell.mine = process.env.MY_IP; console.log(JSON.stringify(tell))`;
  const spec = {
    restartPolicy: 'Never',
    containers: [
      {
        name: 'look',
        image: 'aa-ops/runtime',
        command: ['node', '-e', look],
        env: [{ name: 'MY_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } }],
        securityContext: {
          readOnlyRootFilesystem: true,
          ...(process.getuid?.() === 0 ? { runAsUser: 65532 } : {}),
        },
        volumeMounts: [
          { name: 'words', mountPath: '/words' },
          { name: 'tmp', mountPath: '/tmp' },
        ],
      },
    ],
    volumes: [
      { name: 'words', configMap: { name: 'words' } },
      { name: 'tmp', emptyDir: {} },
    ],
  };
  await create('jobs', {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: 'look' },
    spec: { backoffLimit: 0, template: { spec } },
  });
  await kubectl('wait', '--for=condition=complete', 'job/look', '--timeout=120s');
  const pod = (await cluster.api.get(`${pathOf('pods')}?labelSelector=job-name%3Dlook`)).items[0];
  const told = JSON.parse(await kubectl('logs', 'job/look')) as Json;
  const uid = process.getuid?.() === 0 ? 65532 : process.getuid?.();
  expect(told).toEqual({ wrote: 'EROFS', uid, greeting: 'hello', token: 3, mine: pod.status.podIP });
});

test('a container that ends again and again backs off, and its last log can be read', async () => {
  await create(
    'deployments',
    deployment('crash', { command: ['node', '-e', 'console.log("dying"); process.exit(3)'] }, 1),
  );
  const status = await until(async () => {
    const it = await onlyStatus('crash');
    expect(it?.state.waiting?.reason).toBe('CrashLoopBackOff');
    return it;
  });
  expect(status.restartCount).toBeGreaterThan(0); // the first restart comes at once
  expect(status.lastState.terminated.exitCode).toBe(3);
  const [{ metadata }] = (await podsOf('crash')) as [Json];
  expect(await kubectl('logs', '--previous', metadata.name)).toBe('dying\n');
});

test('a container whose liveness probe fails is asked to end, and all that it started ends with it', async () => {
  const mark = `8${process.pid}`;
  const command = [
    'sh',
    '-c',
    `setsid sleep ${mark} & trap 'echo asked; exit 0' TERM; echo up; while :; do sleep 0.1; done`,
  ];
  const livenessProbe = { tcpSocket: { port: 8080 }, periodSeconds: 1, failureThreshold: 2 };
  await create('deployments', deployment('deaf', { command, livenessProbe }, 1));
  const name = await until(async () => {
    expect(processesNaming(`sleep\0${mark}\0`)).toHaveLength(1);
    return (await podsOf('deaf'))[0]!.metadata.name as string;
  });
  expect(await kubectl('logs', '--follow', name)).toBe('up\nasked\n'); // ends with the container
  await until(async () => expect((await onlyStatus('deaf')).restartCount).toBeGreaterThan(0));
  await kubectl('delete', 'deployment/deaf', '--wait=true', '--cascade=foreground');
  await until(async () => expect(processesNaming(`sleep\0${mark}\0`)).toEqual([]));
});

test('a pod may do with its token what its service account may', async () => {
  const ask = `
    const { readFileSync } = require('fs'); const https = require('https');
    const folder = '/var/run/secrets/kubernetes.io/serviceaccount/';
    const [ca, token, namespace] = ['ca.crt', 'token', 'namespace'].map((it) => readFileSync(folder + it, 'utf8'));
    const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = process.env;
    const ask = (kind) => new Promise((done, failed) => https.get({
      host, port, ca, path: '/api/v1/namespaces/' + namespace + '/' + kind, headers: { authorization: 'Bearer ' + token }, timeout: 10_000,
    }, (it) => done(it.resume().statusCode)).on('error', failed).on('timeout', () => failed(new Error('no answer within 10 s'))));
    (async () => console.log(await ask('configmaps'), await ask('secrets')))()`;
  await create('serviceaccounts', { metadata: { name: 'reader' } });
  await allow('pod-reader', { kind: 'ServiceAccount', name: 'reader', namespace: 'staging' });
  const containers = [{ name: 'ask', image: 'aa-ops/runtime', command: ['node', '-e', ask] }];
  const pod = (name: string, spec: Json): Json => ({
    metadata: { name },
    spec: { ...spec, restartPolicy: 'OnFailure', containers }, // a question that got no answer is asked again
  });
  await create('pods', pod('reader', { serviceAccountName: 'reader' }));
  await create('pods', pod('nobody', {}));
  await until(async () => {
    for (const name of ['reader', 'nobody']) {
      const { status } = JSON.parse(await kubectl('get', 'pod', name, '-o', 'json')) as Json;
      expect(status, name).toMatchObject({ phase: 'Succeeded' });
    }
  });
  expect(await kubectl('logs', 'reader')).toBe('200 403\n');
  expect(await kubectl('logs', 'nobody')).toBe('403 403\n');
});

test('what a container cannot start without is said, and it starts once that is there', async () => {
  const envFrom = [{ configMapRef: { name: 'later' } }];
  await create('deployments', deployment('waiting', { command: serveHttp('x'), envFrom }, 1));
  await create('deployments', deployment('unknown', { command: serveHttp('x'), image: 'no/such:1' }, 1));
  await until(async () =>
    expect((await onlyStatus('waiting'))?.state.waiting).toEqual({
      reason: 'CreateContainerConfigError',
      message: 'configmap "later" not found',
    }),
  );
  await until(async () =>
    expect((await onlyStatus('unknown'))?.state.waiting?.reason).toBe('ImagePullBackOff'),
  );
  await create('configmaps', { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'later' }, data: {} });
  await kubectl('rollout', 'status', 'deployment/waiting', '--timeout=120s');
});

test('a failing probe keeps a pod unready, and tells why as an event', async () => {
  const probe = { httpGet: { port: 8081 }, periodSeconds: 1, failureThreshold: 1 };
  await create('deployments', deployment('unready', { command: serveHttp('x'), readinessProbe: probe }, 1));
  await until(async () => {
    const { items } = await cluster.api.get(pathOf('events'));
    expect(items.map((it: Json) => it.message)).toContainEqual(
      expect.stringContaining('Readiness probe failed'),
    );
  });
  expect((await onlyStatus('unready')).ready).toBe(false);
});

/** A role to list ConfigMaps, and somebody who has it. */
async function allow(name: string, subject: Json): Promise<void> {
  const rbac = '/apis/rbac.authorization.k8s.io/v1/namespaces/staging';
  const rules = [{ apiGroups: [''], resources: ['configmaps'], verbs: ['list'] }];
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name };
  await cluster.api.post(`${rbac}/roles`, { metadata: { name }, rules });
  await cluster.api.post(`${rbac}/rolebindings`, { metadata: { name }, roleRef, subjects: [subject] });
}

test('an identity may do what a role gives it, and nothing else', async () => {
  const access = {
    ...cluster.access,
    token: JSON.parse(readFileSync(cluster.kubeconfigs['aa-ops'], 'utf8')).users[0].user.token,
  };
  const operator = openApi(access);
  await expect(operator.get(pathOf('configmaps'))).rejects.toMatchObject({ status: 403 });
  await allow('reader', { kind: 'User', name: 'aa-ops', apiGroup: 'rbac.authorization.k8s.io' });
  expect((await until(() => operator.get(pathOf('configmaps')))).kind).toBe('ConfigMapList');
  await expect(operator.get(pathOf('secrets'))).rejects.toMatchObject({ status: 403 });
  operator.close();
});

test('nothing stays when the runner of a cluster is killed with -9', async () => {
  const parent = spawn(
    process.execPath,
    [IN_NAMESPACE, process.execPath, '--import', 'tsx', `${root}test/support/cluster/kill.ts`],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const [line] = (await once(createInterface({ input: parent.stdout }), 'line')) as [string];
  const { dir } = JSON.parse(line) as { dir: string };
  expect(processesNaming(dir).length).toBeGreaterThan(2); // etcd, API server, controller manager
  process.kill(parent.pid!, 'SIGKILL');
  await until(async () => expect(processesNaming(dir)).toEqual([]));
});

test('a namespace takes orphans with it, its exit code comes back, and SIGTERM reaches its command', async () => {
  const mark = `7${process.pid}`; // seconds that nobody else sleeps
  const runs = (script: string) => spawn(process.execPath, [IN_NAMESPACE, 'sh', '-c', script]);
  const [code] = (await once(runs(`setsid sleep ${mark} & exit 7`), 'exit')) as [number];
  expect(code).toBe(7);
  await until(async () => expect(processesNaming(`sleep\0${mark}`)).toEqual([]));
  const asked = runs('trap "exit 6" TERM; echo up; while :; do sleep 0.1; done');
  await once(asked.stdout, 'data');
  asked.kill('SIGTERM');
  expect(await once(asked, 'exit')).toEqual([6, null]);
});

/** Processes of this machine with `text` in their command line. */
function processesNaming(text: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(text);
    } catch {
      return false;
    }
  });
}
