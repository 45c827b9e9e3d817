import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { CliResult } from '../support/cli.ts';
import { NAMESPACE } from '../support/cluster/startCluster.ts';
import { type Staging, startStaging } from '../support/cluster/staging.ts';

// Rollouts that never end: each is told early, with the reason, and taken back; the pods that served go on serving.
let staging: Staging;
beforeAll(async () => {
  staging = await startStaging();
});
afterAll(() => staging?.stop());

/** The product's own 15 s in full, where a trouble that may pass has to last before it counts. */
const LASTS = process.env['AA_TEST_LONG'] ? {} : { AA_OPS_TEST_TROUBLE_LASTS_MS: '4000' };
const run = (args: string[]): Promise<CliResult> => staging.run(args, { env: LASTS });

interface Run {
  result: string;
  steps: { id: string; status: string; note?: string }[];
  error?: { code: string; message: string; details?: Record<string, unknown> };
  shortcomings: string[];
}

const container = { name: 'normalize-service' };
const patchContainer = (changes: object, spec: object = {}): Promise<unknown> =>
  staging.cluster.api.patch(
    staging.path('deployments', 'normalize-service'),
    { spec: { ...spec, template: { spec: { containers: [{ ...container, ...changes }] } } } },
    'strategic-merge',
  );
let sound: { spec: { template: { spec: { containers: unknown[] } } } };
beforeAll(async () => {
  sound = await staging.get('deployments', 'normalize-service');
});
/** As it was before a test broke it. */
const repair = async (): Promise<void> => {
  await staging.patch('deployments', 'normalize-service', {
    spec: {
      progressDeadlineSeconds: 60,
      template: { spec: { containers: sound.spec.template.spec.containers } },
    },
  });
  await staging.untilRolledOut();
};
afterEach(repair);

const CASES = [
  {
    what: 'an image that is missing',
    break: () => patchContainer({ image: 'no/such:1' }),
    problem: /ImagePullBackOff|ErrImagePull/,
  },
  {
    what: 'a crash loop',
    break: () =>
      patchContainer({ command: ['node', '-e', 'console.log("no such thing here"); process.exit(3)'] }),
    problem: /CrashLoopBackOff|Crashed/,
    says: [/exit code 3/, /its log ends with "no such thing here"/],
  },
  {
    what: 'a probe that never succeeds',
    break: () =>
      patchContainer(
        { readinessProbe: { httpGet: { path: '/readyz', port: 9 }, periodSeconds: 1 } },
        { progressDeadlineSeconds: 8 },
      ),
    problem: /NotReady/,
    says: [/exceeded its progress deadline/],
  },
  {
    what: 'a Secret that is missing',
    break: () => patchContainer({ envFrom: [{ secretRef: { name: 'no-such-secret' } }] }),
    problem: /CreateContainerConfigError/,
    says: [/secret "no-such-secret" not found/],
  },
];

describe.each(CASES)('$what', ({ break: breakIt, problem, says = [] }) => {
  test('ends the way forward early, with the reason, and everything is taken back', async () => {
    const paused = await run(['migrate', '--to', 'multi', '--pause-before', 'restart-consumers']);
    expect(paused.code, paused.stdout + paused.stderr).toBe(4);
    await breakIt();
    const failed = await run(['migrate', '--resume']);
    expect(failed.code, failed.stdout + failed.stderr).toBe(1);
    const document = failed.json<Run>();
    expect(document.result).toBe('rolled-back');
    expect(document.error).toMatchObject({
      code: 'rollout-stuck',
      message: expect.stringContaining('normalize-service does not get ready'),
    });
    for (const pattern of says) expect(document.error!.message).toMatch(pattern);
    expect(document.error!.details?.['problem']).toMatch(problem);
    expect(document.error!.details?.['events']).toBeInstanceOf(Array);
    expect(failed.stderr).toMatch(/normalize-service: stuck, /);
    // What could not be restarted back is said as well; the pods that served before still do.
    expect(document.shortcomings.join()).toMatch(/normalize-service does not get ready/);
    expect(await staging.mode()).toBe('single');
    const ready = (await staging.pods('normalize-service')).filter((pod) =>
      pod.status.conditions?.some(
        (it: { type: string; status: string }) => it.type === 'Ready' && it.status === 'True',
      ),
    );
    expect(ready.length).toBeGreaterThanOrEqual(2);
    expect((await run(['status'])).json()).toMatchObject({ mode: 'single', run: null });
  });
});

test('a pod that a node lost behind the ConfigMap came up in the new mode: it goes back with it', async () => {
  const paused = await run(['migrate', '--to', 'multi', '--pause-before', 'restart-consumers']);
  expect(paused.code).toBe(4);
  const before = (await staging.pods('normalize-service')).map(({ metadata }) => metadata.uid as string);
  const [lost] = await staging.pods('normalize-service');
  await staging.cluster.api.delete(staging.path('pods', lost!.metadata.name));
  await staging.untilRolledOut();
  const back = await run(['rollback']);
  expect(back.code, back.stdout + back.stderr).toBe(0);
  expect(await staging.mode()).toBe('single');
  const after = (await staging.pods('normalize-service')).map(({ metadata }) => metadata.uid as string);
  expect(after.filter((uid) => before.includes(uid))).toEqual([]); // all of them anew
});

test('the ConfigMap deleted behind its step: stuck, half way, and finished once it is back', async () => {
  const paused = await run(['migrate', '--to', 'multi', '--pause-before', 'restart-consumers']);
  expect(paused.code).toBe(4);
  const { data } = await staging.get('configmaps', 'event-bus-config');
  await staging.cluster.api.delete(staging.path('configmaps', 'event-bus-config'));
  const failed = await run(['migrate', '--resume']);
  expect(failed.code, failed.stdout + failed.stderr).toBe(4);
  const { error } = JSON.parse(failed.stdout) as Run;
  expect(error).toMatchObject({
    code: 'undo-failed',
    message: expect.stringContaining('no ConfigMap event-bus-config'),
  });
  expect(failed.stderr).toMatch(
    /stuck, .*CreateContainerConfigError: configmap "event-bus-config" not found/,
  );
  await staging.cluster.api.post(staging.path('configmaps'), {
    metadata: { name: 'event-bus-config', namespace: NAMESPACE },
    data,
  });
  const back = await run(['rollback']);
  expect(back.code, back.stdout + back.stderr).toBe(0);
  expect(await staging.mode()).toBe('single');
});

test('the ConfigMap deleted before its step: said, and nothing is left half done but what a rollback ends', async () => {
  const paused = await run(['migrate', '--to', 'multi', '--pause-before', 'config']);
  expect(paused.code).toBe(4);
  const { data } = await staging.get('configmaps', 'event-bus-config');
  await staging.cluster.api.delete(staging.path('configmaps', 'event-bus-config'));
  const failed = await run(['migrate', '--resume']);
  expect(failed.code).toBe(4);
  expect(failed.stdout + failed.stderr).toContain('no ConfigMap event-bus-config in namespace staging');
  await staging.cluster.api.post(staging.path('configmaps'), {
    metadata: { name: 'event-bus-config' },
    data,
  });
  expect((await run(['rollback'])).code).toBe(0);
});

test('behind the release a way back goes on without the pods, and ends with exit 5', async () => {
  const migrated = await run(['migrate', '--to', 'multi']);
  expect(migrated.code, migrated.stdout + migrated.stderr).toBe(0);
  await patchContainer({ image: 'no/such:1' });
  const back = await run(['rollback']);
  expect(back.code, back.stdout + back.stderr).toBe(5);
  const document = back.json<Run>();
  expect(document.result).toBe('done');
  expect(document.shortcomings.join()).toMatch(
    /normalize-service does not get ready: .*no\/such:1|ImagePullBackOff/,
  );
  expect((await run(['status'])).json()).toMatchObject({ mode: 'single', run: null });
});

test('a rollout that somebody paused is refused before anything is changed', async () => {
  await staging.patch('deployments', 'ingest-service', { spec: { paused: true } });
  const refused = await run(['migrate', '--to', 'multi']);
  expect(refused.code).toBe(3);
  expect((JSON.parse(refused.stdout) as Run).error!.message).toContain(
    'ingest-service: its rollout is paused',
  );
  await staging.patch('deployments', 'ingest-service', { spec: { paused: false } });
});
