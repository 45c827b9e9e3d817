import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import {
  openWriter,
  patient,
  realSubjects,
  recoverWindow,
  type StreamConfig,
  type WindowSpec,
} from '@aa-ops/topology';
import { migrate, resume } from '../../../cli/src/runbook/migrate.ts';
import { rollBack } from '../../../cli/src/runbook/rollBack.ts';
import { killNine, startSleeper } from '../../support/parent.ts';
import { OPTIONS, startRun, type TestRun } from '../../support/runs.ts';
import { standStill } from '../../support/standStill.ts';
import { seedTopology, topologyOf } from '../../support/topologies.ts';

// Somebody else edits a stream while a run is open, or a server stands still with a release in its queue.

let run: TestRun;
afterEach(() => run.stop());

const heardBy = async (stream: string): Promise<string[]> =>
  realSubjects((await run.account.stream(stream))!.config.subjects).toSorted();
const add = async (stream: string, subject: string): Promise<void> =>
  run.change(stream, { subjects: [...(await run.account.stream(stream))!.config.subjects!, subject] });
const publish = (subject: string): Promise<unknown> =>
  run.account.connection.request(subject, 'text', { timeout: 2_000 });

describe('a subject that somebody adds between the plan and the window', () => {
  const topology = topologyOf('changed', {
    single: { subjects: { OLD: ['x.>'] } },
    multi: { subjects: { NEW: ['x.>'] } },
  });
  beforeEach(async () => {
    run = await startRun(topology);
  });

  it.each(['OLD', 'NEW'])('is not taken from %s without a word', async (stream) => {
    const paused = await migrate(run.environment, {
      to: 'multi',
      options: OPTIONS,
      pauseBefore: 'handover',
    });
    expect(paused).toMatchObject({ exitCode: 4, json: { result: 'partial' } });
    await add(stream, 'extra.>');
    expect(await resume(run.environment)).toMatchObject({
      exitCode: 1,
      json: { error: { code: 'subjects-changed', details: { stream } } },
    });
    expect(await heardBy(stream)).toContain('extra.>');
    await publish('extra.1');
    await publish('x.1');
    expect(await heardBy('OLD')).toContain('x.>');
  });
});

describe.skipIf(process.platform !== 'linux')('a run that was killed right before its release', () => {
  beforeEach(async () => {
    run = await startRun(seedTopology);
    const { process: child, told } = await startSleeper(run, 'before-release');
    for (const pid of told.guardians) process.kill(pid, 'SIGKILL');
    await killNine(child);
    await add('ATHLETE_ALLY_EVENTS', 'extra.>');
  });

  it.each([
    ['rollback', 5, () => rollBack(run.environment)], // a check tells of it
    ['--resume', 1, () => resume(run.environment)],
  ] as const)(
    'leaves what somebody has added meanwhile: %s',
    { timeout: 60_000 },
    async (_command, exitCode, command) => {
      expect(await command()).toMatchObject({ exitCode });
      const { ATHLETE_ALLY_EVENTS: before } = seedTopology.modes['single']!.subjects;
      expect(await heardBy('ATHLETE_ALLY_EVENTS')).toEqual([...before!, 'extra.>'].toSorted());
    },
  );
});

describe.skipIf(process.platform !== 'linux')('a release that waits in a server which stands still', () => {
  const topology = topologyOf('still', {
    single: { subjects: { OLD: ['x.>'] } },
    multi: { subjects: { NEW: ['x.>'] } },
  });
  beforeEach(async () => {
    run = await startRun(topology);
    await run.change('NEW', { subjects: ['elsewhere'] });
  });

  it('is known to whoever ends the window of the process that sent it', { timeout: 60_000 }, async () => {
    const other = await openWriter(run.settings);
    onTestFinished(() => other.close());
    const ending = patient(other, { forMs: 20_000 });
    for (let round = 0; round < 5; round += 1) {
      const { config } = (await run.account.stream('OLD'))!;
      const spec = windowOf(config);
      await standStill(run.server.pid);
      const release = run.account.updateStream({ ...config, subjects: spec.streams[0]!.released! });
      const ended = recoverWindow(ending, run.settings, spec);
      await delay(STILL_MS);
      process.kill(run.server.pid, 'SIGCONT');
      await release;
      expect((await ended).window).toMatchObject({ outcome: 'taken' });
      expect([await heardBy('OLD'), await heardBy('NEW')]).toEqual([[], ['x.>']]);
      await run.change('NEW', { subjects: ['elsewhere'] });
      await run.change('OLD', { subjects: ['x.>'] });
    }
  });
});

/** For longer than a release may be late: what asks meanwhile is answered first. */
const STILL_MS = 800;

/** A window without copies or hold, as the journal keeps it. */
const windowOf = ({ subjects }: StreamConfig): WindowSpec => ({
  run: 'r',
  group: 'g',
  attempt: 1,
  streams: [
    {
      stream: 'OLD',
      before: subjects!,
      barrier: '_aa-ops.barrier.r.OLD',
      released: ['_aa-ops.none.OLD'],
      taken: undefined,
      final: ['_aa-ops.none.OLD'],
    },
    {
      stream: 'NEW',
      before: ['elsewhere'],
      barrier: '_aa-ops.barrier.r.NEW',
      released: undefined,
      taken: ['x.>', '_aa-ops.barrier.r.NEW'],
      final: ['x.>'],
    },
  ],
  copies: [],
  moved: ['x.>'],
  kept: [],
  hold: false,
});
