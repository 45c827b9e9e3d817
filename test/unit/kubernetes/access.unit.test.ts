import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { explainApiError, isAway } from '../../../cli/src/platform/kubernetes/explainApiError.ts';
import { type Connection, openConnection } from '../../../cli/src/platform/kubernetes/connection.ts';
import { rightsOf, roleRules } from '../../../cli/src/platform/kubernetes/rights.ts';
import { podTopology } from '../checks/fakes.ts';

const dir = mkdtempSync(join(tmpdir(), 'aa-kube-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const environment = {
  ...podTopology.environment,
  name: 'staging',
  kubeContext: 'staging',
  namespace: 'staging',
};
function kubeconfig(file: string, ...contexts: string[]): string {
  const config = {
    'current-context': contexts.at(-1),
    clusters: contexts.map((name) => ({ name, cluster: { server: `https://${name}:6443` } })),
    users: contexts.map((name) => ({ name, user: { token: 'x' } })),
    contexts: contexts.map((name) => ({
      name,
      context: { cluster: name, user: name, namespace: 'elsewhere' },
    })),
  };
  const path = join(dir, file);
  writeFileSync(path, JSON.stringify(config));
  return path;
}

describe('the connection', () => {
  it("takes the topology's context and namespace, whatever kubectl was last set to", () => {
    const env = { KUBECONFIG: kubeconfig('both', 'staging', 'production') };
    expect(openConnection(environment, { env })).toMatchObject({
      context: 'staging',
      namespace: 'staging',
      server: 'https://staging:6443',
      isInCluster: false,
    });
  });

  it('joins several kubeconfigs, and passes over one that is missing', () => {
    const env = {
      KUBECONFIG: [kubeconfig('one', 'other'), join(dir, 'gone'), kubeconfig('two', 'staging')].join(':'),
    };
    expect(openConnection(environment, { env }).server).toBe('https://staging:6443');
  });

  it('refuses a kubeconfig without that context, with what was found', () => {
    const env = { KUBECONFIG: kubeconfig('wrong', 'production') };
    expect(() => openConnection(environment, { env })).toThrow(
      expect.objectContaining({
        code: 'kube-context',
        kind: 'refused',
        message: expect.stringContaining('has only production'),
      }),
    );
  });

  it.each([
    ['missing', join(dir, 'nowhere')],
    ['broken', (() => (writeFileSync(join(dir, 'broken'), '{'), join(dir, 'broken')))()],
  ])('refuses one that is %s', (_what, path) => {
    expect(() => openConnection(environment, { env: { KUBECONFIG: path } })).toThrow(
      expect.objectContaining({ code: 'kubernetes-unconfigured' }),
    );
  });

  it('says what to do where there is neither kubeconfig nor service account', () => {
    expect(() => openConnection(environment, { env: {}, home: dir })).toThrow(
      expect.objectContaining({
        code: 'kubernetes-unconfigured',
        hint: expect.stringContaining('KUBECONFIG'),
      }),
    );
  });

  it("takes a pod's service account, and refuses one of another namespace", () => {
    const account = join(dir, 'var/run/secrets/kubernetes.io/serviceaccount');
    mkdirSync(account, { recursive: true });
    writeFileSync(join(account, 'token'), 'x');
    writeFileSync(join(account, 'namespace'), 'staging\n');
    const env = { KUBERNETES_SERVICE_HOST: '10.0.0.1', KUBERNETES_SERVICE_PORT: '443' };
    for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value); // the client reads them itself
    const connection = openConnection(environment, { env, home: dir, root: dir });
    vi.unstubAllEnvs();
    expect(connection).toMatchObject({
      context: undefined,
      namespace: 'staging',
      server: 'https://10.0.0.1:443',
      isInCluster: true,
    });
    expect(() =>
      openConnection({ ...environment, namespace: 'production' }, { env, home: dir, root: dir }),
    ).toThrow(expect.objectContaining({ code: 'kube-namespace' }));
  });
});

describe('the rights', () => {
  it('name every object that can be named, and nothing that can be read or written beyond', () => {
    expect(roleRules(rightsOf(podTopology))).toEqual([
      {
        apiGroups: [''],
        resources: ['configmaps'],
        verbs: ['get', 'patch'],
        resourceNames: ['event-bus-config'],
      },
      {
        apiGroups: ['apps'],
        resources: ['deployments'],
        verbs: ['get', 'patch'],
        resourceNames: ['normalize-service', 'ingest-service'],
      },
      { apiGroups: [''], resources: ['pods'], verbs: ['list'] },
      { apiGroups: [''], resources: ['pods/log'], verbs: ['get'] },
      { apiGroups: [''], resources: ['pods/proxy'], verbs: ['get'] },
      {
        apiGroups: [''],
        resources: ['services/proxy'],
        verbs: ['create'],
        resourceNames: ['ingest-service:4101'],
      },
      { apiGroups: [''], resources: ['events'], verbs: ['list'] },
    ]);
  });

  it('of a topology without a ConfigMap and producers are fewer', () => {
    const bare = { workloads: podTopology.workloads.filter(({ role }) => role === 'consumer') };
    expect(rightsOf(bare).map(({ resource }) => resource)).not.toContain('configmaps');
    expect(rightsOf(bare).map(({ resource }) => resource)).not.toContain('services/proxy');
  });
});

describe('what goes wrong', () => {
  const connection = { namespace: 'staging', server: 'https://api', context: 'staging' } as Connection;
  const asked = {
    apiGroup: 'apps',
    verb: 'patch',
    resource: 'deployments',
    name: 'normalize-service',
  } as const;
  const answer = (code: number, message: string) =>
    Object.assign(new Error('HTTP-Code'), { code, body: JSON.stringify({ kind: 'Status', message }) });

  it('a refusal names the right, who lacks it, and the rule that grants it', () => {
    const says =
      'deployments.apps "normalize-service" is forbidden: User "aa-ops" cannot patch resource "deployments"';
    expect(explainApiError(answer(403, says), asked, connection, 0)).toMatchObject({
      code: 'kubernetes-forbidden',
      message: 'missing right: patch deployments.apps normalize-service in namespace staging, as aa-ops',
      hint: expect.stringContaining(
        '{"apiGroups":["apps"],"resources":["deployments"],"verbs":["patch"],"resourceNames":["normalize-service"]}',
      ),
    });
  });

  it.each([
    [401, 'kubernetes-unauthorized'],
    [404, 'kubernetes-missing'],
    [409, 'kubernetes-conflict'],
    [422, 'kubernetes-refused'],
    [503, 'platform-away'],
  ])('an answer %i is %s', (code, name) => {
    expect(explainApiError(answer(code, 'why'), asked, connection, 0)).toMatchObject({
      code: name,
      message: expect.stringContaining('why'),
    });
  });

  it.each(['ECONNREFUSED', 'ECONNRESET', 'ETIMEDOUT', 'EAI_AGAIN'])('%s passes', (code) => {
    expect(isAway(Object.assign(new Error(code), { code }))).toBe(true);
  });

  it('a certificate that does not fit does not', () => {
    const error = Object.assign(new Error('self-signed certificate'), {
      code: 'DEPTH_ZERO_SELF_SIGNED_CERT',
    });
    expect(isAway(error)).toBe(false);
    expect(explainApiError(error, asked, connection, 0)).toMatchObject({
      code: 'kubernetes-refused',
      message: expect.stringContaining('self-signed'),
    });
  });
});
