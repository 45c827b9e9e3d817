import type { ChildProcess } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RunJson } from '../../cli/src/runbook/runDocumentJson.ts';
import { type JournalEntry, StateReader } from '../../cli/src/saga/stateStore.ts';
import type { CliResult } from '../support/cli.ts';
import type { Json } from '../support/cluster/api.ts';
import { type ServiceTraffic, startServiceTraffic } from '../support/cluster/serviceTraffic.ts';
import { type SlowProxy, startSlowProxy } from '../support/cluster/slowProxy.ts';
import { type Staging, startStaging } from '../support/cluster/staging.ts';
import { killBehind } from '../support/crash/killBehind.ts';

// The API server has done what it was asked for, and the CLI dies by SIGKILL before it hears of it: between an effect and the journal's
// `done`. Its last entry says `started`, the cluster says that it is so; somebody else has to find that out.
let staging: Staging;
let slow: SlowProxy;
let traffic: ServiceTraffic;
beforeAll(async () => {
  staging = await startStaging();
  slow = await startSlowProxy(staging.cluster);
  traffic = await startServiceTraffic(staging, 60);
});
afterAll(async () => {
  slow?.stop();
  await staging?.stop();
});

const configMap = (): Promise<Json> => staging.get('configmaps', 'event-bus-config');
const consumer = (): Promise<Json> => staging.get('deployments', 'normalize-service');
const REVISION = 'deployment.kubernetes.io/revision';
const stepOf = (run: CliResult, step: string): unknown =>
  run.json<RunJson>().steps.find(({ id }) => id === step);
const journal = async (): Promise<JournalEntry[]> => {
  const state = new StateReader(staging.account, staging.topology.name);
  return state.journal((await state.openRun())!.id);
};

/** ms; what an answer waits for, and so how long there is to die before it. */
const UNHEARD_MS = 2_500;

/** Runs it over a line on which answers are slow, and kills it as soon as `isDone` holds of the object: its own answer is still on the way. */
async function dieUnheard(
  args: string[],
  kind: string,
  name: string,
  isDone: (object: Json) => boolean,
): Promise<CliResult> {
  slow.delayMs = () => UNHEARD_MS;
  let child: ChildProcess | undefined;
  const watch = staging.cluster.api.watch(staging.path(kind), (_type, object) => {
    if (object.metadata.name === name && isDone(object)) child?.kill('SIGKILL');
  });
  try {
    return await staging.run(args, {
      env: { KUBECONFIG: slow.kubeconfigs['aa-ops'] },
      onProgress: (_line, running) => (child = running),
    });
  } finally {
    watch.stop();
  }
}

const RESUME = ['migrate', '--resume', '--pause-before'];

describe.each([
  { start: ['migrate', '--to', 'multi'], mode: 'multi' },
  { start: ['rollback'], mode: 'single' },
])('on the way to $mode', ({ start, mode }) => {
  test('the ConfigMap is written once', async () => {
    const paused = await staging.run([...start, '--pause-before', 'config']);
    expect(paused.code, paused.stdout + paused.stderr).toBe(4);
    const before = await configMap();

    const early = await staging.run([...RESUME, 'restart-consumers'], { env: killBehind('entry', 1) });
    expect(early.signal, early.stdout + early.stderr).toBe('SIGKILL');
    expect((await journal()).at(-1)).toMatchObject({ effect: 'write-config', phase: 'started' });
    expect((await configMap()).metadata).toEqual(before.metadata);

    const died = await dieUnheard(
      [...RESUME, 'restart-consumers'],
      'configmaps',
      'event-bus-config',
      ({ data }) => data.EVENT_STREAM_MODE === mode,
    );
    expect(died.signal, died.stdout + died.stderr).toBe('SIGKILL');
    expect((await journal()).at(-1)).toMatchObject({ effect: 'write-config', phase: 'started' });
    const written = await configMap();
    expect(written.data.EVENT_STREAM_MODE).toBe(mode);

    const resumed = await staging.run([...RESUME, 'restart-consumers'], { identity: 'aa-ops-2' });
    expect(resumed.code, resumed.stdout + resumed.stderr).toBe(4);
    expect(stepOf(resumed, 'config')).toMatchObject({ status: 'already' });
    // Nobody wrote it again, not even as it is.
    expect((await configMap()).metadata).toEqual(written.metadata);
  }, 180_000);

  test('the consumers are restarted once, and the run ends', async () => {
    const before = (await consumer()).metadata.annotations[REVISION];
    const died = await dieUnheard(
      [...RESUME, 'restart-producers'],
      'deployments',
      'normalize-service',
      ({ metadata }) => metadata.annotations[REVISION] !== before,
    );
    expect(died.signal, died.stdout + died.stderr).toBe('SIGKILL');
    expect(died.stderr).not.toContain('normalize-service: restart');
    expect((await journal()).at(-1)).toMatchObject({ effect: 'restart', phase: 'started' });

    const resumed = await staging.run(['migrate', '--resume'], { identity: 'aa-ops-2' });
    expect(resumed.code, resumed.stdout + resumed.stderr).toBe(0);
    expect(resumed.json<RunJson>()).toMatchObject({ result: 'done', to: mode, shortcomings: [] });
    expect(Number((await consumer()).metadata.annotations[REVISION])).toBe(Number(before) + 1);
    expect(await staging.mode()).toBe(mode);
  }, 180_000);
});

test('and nothing is lost, doubled or refused', async () => {
  const report = await traffic.finish();
  expect(report.faults).toEqual([]);
  expect(report.acked).toBe(report.sent);
});
