import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { describeRight, type Right } from '../../cli/src/platform/kubernetes/rights.ts';
import { type Staging, startStaging } from '../support/cluster/staging.ts';

// The operator's Role, one right short: exactly the step that needs it fails, and says which one it is.
let staging: Staging;
beforeAll(async () => {
  staging = await startStaging();
});
afterAll(() => staging?.stop());
beforeEach(() => staging.grant(staging.rights));

interface Run {
  result?: string;
  steps?: { id: string; status: string }[];
  error?: { code: string; message: string; hint: string };
  shortcomings?: string[];
}

const without = ({ verb, resource }: { verb: string; resource: string }): Right[] =>
  staging.rights.filter((right) => right.verb !== verb || right.resource !== resource);
const failedStep = ({ steps = [] }: Run): string | undefined =>
  steps.find(({ status }) => status === 'failed')?.id;

describe('preflight', () => {
  test('names each right that is missing, and the rule that grants it', async () => {
    const seen: string[] = [];
    for (const right of staging.rights) {
      await staging.grant(without(right));
      const { stdout } = await staging.run(['preflight', '--no-event']);
      const { checks } = JSON.parse(stdout) as {
        checks: { id: string; level: string; evidence: string; next: string }[];
      };
      const check = checks.find(({ id }) => id === 'platform-rights')!;
      for (const name of right.names ?? [undefined])
        expect(check.evidence).toContain(describeRight(right, name));
      expect(check.level).toBe(right.isWish ? 'yellow' : 'red');
      expect(check.next).toContain(`"resources":["${right.resource}"]`);
      seen.push(check.evidence);
    }
    expect(new Set(seen).size).toBe(staging.rights.length);
  });

  test('refuses a migration before anything is changed', async () => {
    await staging.grant(without({ verb: 'patch', resource: 'deployments' }));
    const { code, stdout } = await staging.run(['migrate', '--to', 'multi']);
    expect(code).toBe(3);
    expect((JSON.parse(stdout) as Run).error).toMatchObject({
      code: 'preflight-red',
      message: expect.stringContaining('patch deployments.apps normalize-service'),
    });
    expect(await staging.mode()).toBe('single');
  });
});

/** Taken away behind preflight: the step that it is for, and how the run ends. What is needed to take back as well leaves it half way. */
describe.each([
  { verb: 'get', resource: 'configmaps', before: 'config', at: 'config', code: 4 },
  { verb: 'patch', resource: 'configmaps', before: 'config', at: 'config', code: 1 },
  { verb: 'get', resource: 'deployments', before: 'restart-consumers', at: 'restart-consumers', code: 4 },
  { verb: 'patch', resource: 'deployments', before: 'restart-consumers', at: 'restart-consumers', code: 4 },
  { verb: 'list', resource: 'pods', before: 'restart-consumers', at: 'restart-consumers', code: 4 },
  { verb: 'get', resource: 'pods/log', before: 'checks', at: 'checks', code: 1 },
  { verb: 'get', resource: 'pods/proxy', before: 'checks', at: 'checks', code: 1 },
  { verb: 'create', resource: 'services/proxy', before: 'checks', at: 'checks', code: 1 },
])('$verb $resource', ({ verb, resource, before, at, code }) => {
  test(`fails the step ${at}, and a rollback with the right is clean`, async () => {
    const paused = await staging.run(['migrate', '--to', 'multi', '--pause-before', before]);
    expect(paused.code, paused.stdout + paused.stderr).toBe(4);
    await staging.grant(without({ verb, resource }));
    const failed = await staging.run(['migrate', '--resume']);
    const document = failed.json<Run>();
    expect(failed.code, failed.stdout + failed.stderr).toBe(code);
    const told = failed.stdout + failed.stderr;
    expect(told).toContain(`missing right: ${verb} ${resource}`);
    expect(code === 1 ? failedStep(document) : at).toBe(at); // half way, the document is the error's
    await staging.grant(staging.rights);
    const back = await staging.run(['rollback']);
    expect(back.code, back.stdout + back.stderr).toBe(0);
    expect(await staging.mode()).toBe('single');
    expect((await staging.run(['status'])).json<{ run: unknown; mode: string }>()).toMatchObject({
      run: null,
      mode: 'single',
    });
  });
});

describe('without any right', () => {
  const expectNothing = async (kubeconfig: string): Promise<void> => {
    const env = { KUBECONFIG: kubeconfig };
    const preflight = await staging.run(['preflight', '--no-event'], { env });
    expect(preflight.code).toBe(5);
    const { checks } = preflight.json<{ checks: { id: string; evidence: string }[] }>();
    const evidence = checks.find(({ id }) => id === 'platform-rights')!.evidence;
    for (const right of staging.rights) expect(evidence).toContain(describeRight(right, right.names?.[0]));
    expect((await staging.run(['migrate', '--to', 'multi'], { env })).code).toBe(3);
    const status = await staging.run(['status'], { env });
    expect(status.json<{ unread: string }>().unread).toContain('missing right');
    expect(await staging.mode()).toBe('single');
  };

  test('somebody whom nobody gave one can do nothing', () =>
    expectNothing(staging.cluster.kubeconfigs.nobody));

  test("neither can the namespace's default service account", async () => {
    const { status } = await staging.cluster.api.post(`${staging.path('serviceaccounts', 'default')}/token`, {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: { expirationSeconds: 3_600 },
    });
    const { url, ca } = staging.cluster.access;
    const file = join(staging.cluster.dir, 'default.kubeconfig');
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'staging',
      clusters: [
        {
          name: 'staging',
          cluster: { server: url, 'certificate-authority-data': Buffer.from(ca).toString('base64') },
        },
      ],
      users: [{ name: 'default', user: { token: status.token } }],
      contexts: [{ name: 'staging', context: { cluster: 'staging', user: 'default' } }],
    };
    await writeFile(file, JSON.stringify(config), { mode: 0o600 });
    await expectNothing(file);
  });
});

test('a kubeconfig without the context that the topology names is refused, with what was found', async () => {
  const file = join(staging.cluster.dir, 'other.kubeconfig');
  const cluster = { name: 'production', cluster: { server: staging.cluster.access.url } };
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'production',
    clusters: [cluster],
    users: [],
    contexts: [{ name: 'production', context: { cluster: 'production', user: '' } }],
  };
  await writeFile(file, JSON.stringify(config));
  const { code, stdout } = await staging.run(['migrate', '--to', 'multi'], { env: { KUBECONFIG: file } });
  expect(code).toBe(3);
  expect((JSON.parse(stdout) as Run).error).toMatchObject({
    code: 'kube-context',
    message: expect.stringContaining('has only production'),
  });
});
