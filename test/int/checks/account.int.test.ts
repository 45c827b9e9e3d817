import { publishMessage, type Topology } from '@aa-ops/topology';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { countSince } from '../../../cli/src/checks/deadLetters.ts';
import { expectedModes } from '../../../cli/src/checks/expectedModes.ts';
import {
  bindingChecks,
  type CheckContext,
  type CheckResult,
  ownershipChecks,
  preflightChecks,
  runChecks,
  takeBaseline,
  verifyChecks,
} from '../../../cli/src/checks/index.ts';
import { readStatus } from '../../../cli/src/status/readStatus.ts';
import { migrate, resume } from '../../../cli/src/runbook/migrate.ts';
import { OPTIONS, startRun, type TestRun } from '../../support/runs.ts';
import { seedTopology, threeIntoTwo } from '../../support/topologies.ts';

const publish = (run: TestRun, subject: string) =>
  publishMessage(run.account.connection, subject, new Uint8Array(), { headers: [], timeoutMs: 5_000 });
const contextOf = (
  { environment }: TestRun,
  mode: string,
  changes: Partial<CheckContext> = {},
): CheckContext => ({
  ...environment,
  mode,
  ownedIn: mode,
  timeoutMs: 1_000,
  ...changes,
});
const redsOf = (results: readonly CheckResult[]): string[] =>
  results.flatMap(({ id, level }) => (level === 'red' ? [id] : []));

describe('without pods', () => {
  let run: TestRun;
  beforeAll(async () => {
    run = await startRun(threeIntoTwo);
  });
  afterAll(() => run.stop());

  test('every list is green for a topology that has no HRV and no dead letters', async () => {
    for (const list of [preflightChecks, bindingChecks, ownershipChecks, verifyChecks]) {
      const results = await runChecks(list, contextOf(run, 'single'));
      expect(results.filter(({ level }) => level !== 'green')).toEqual([]);
    }
  });

  test('streams and durables that are missing, or differ, come out', async () => {
    const { account } = run;
    const before = (await account.stream('AUDIT'))!.config;
    await account.updateStream({ ...before, max_msgs: 7 });
    const clerk = (await account.consumer('ORDERS', 'clerk'))!;
    await account.deleteConsumer('ORDERS', 'clerk');
    await account.deleteStream('SALES'); // owns nothing yet: the migration makes it
    const results = await runChecks(verifyChecks, contextOf(run, 'single'));
    expect(redsOf(results)).toEqual(['consumers']);
    expect(results.find(({ id }) => id === 'streams')).toMatchObject({
      level: 'yellow',
      evidence: 'AUDIT: differs in maxMsgs',
      next: 'aa-ops plan',
    });
    expect(results.find(({ id }) => id === 'consumers')!.evidence).toBe('ORDERS > clerk: does not exist');

    await account.deleteStream('AUDIT');
    expect(redsOf(await runChecks(verifyChecks, contextOf(run, 'single')))).toEqual([
      'mode',
      'streams',
      'consumers',
    ]);
    await account.createStream({ ...before, name: 'AUDIT' });
    await account.createConsumer('ORDERS', clerk.config);
    expect(redsOf(await runChecks(verifyChecks, contextOf(run, 'single')))).toEqual([]);
  });

  test('a stream that the topology does not name, and that hears what a mode gives away, is worth a look', async () => {
    const { account } = run;
    await account.createStream({ name: 'FOREIGN', subjects: ['sales.audit'] });
    const found = async () =>
      (await runChecks(preflightChecks, contextOf(run, 'single'))).find(
        ({ id }) => id === 'foreign-subjects',
      );
    expect(await found()).toMatchObject({ level: 'green' });
    const wider = structuredClone(run.environment.topology);
    wider.modes['multi']!.subjects['SALES'] = ['orders.>', 'refunds.>', 'sales.>'];
    const context = { ...contextOf(run, 'single'), topology: wider };
    const results = await runChecks(preflightChecks, context);
    await account.deleteStream('FOREIGN');
    expect(results.find(({ id }) => id === 'foreign-subjects')).toMatchObject({
      level: 'yellow',
      evidence: 'SALES would hear sales.>, FOREIGN hears sales.audit',
    });
  });

  test('subjects with another owner than the mode gives them are named', async () => {
    const { account } = run;
    const before = (await account.stream('BILLS'))!.config;
    await account.updateStream({ ...before, subjects: ['bills.*'] });
    const results = await runChecks(verifyChecks, contextOf(run, 'single'));
    await account.updateStream(before);
    expect(results.find(({ id }) => id === 'mode')).toMatchObject({
      level: 'red',
      evidence: 'mode single, but BILLS lacks refunds.>',
    });
  });
});

describe('dead letters under another prefix', () => {
  const data = { NORMALIZE_HRV_DLQ_SUBJECT: 'dead.hrv' };
  const topology: Topology = {
    ...seedTopology,
    configMap: { name: 'event-bus-config', modeKey: 'EVENT_STREAM_MODE', data },
    modes: Object.fromEntries(
      Object.entries(seedTopology.modes).map(([name, mode]) => [
        name,
        { ...mode, subjects: { ...mode.subjects, AA_DLQ: ['dead.>'] } },
      ]),
    ),
  };
  let run: TestRun;
  beforeAll(async () => {
    run = await startRun(topology);
  });
  afterAll(() => run.stop());

  test('are counted by status, by the check and in the baseline of a run', async () => {
    const baseline = await takeBaseline(run.environment);
    for (let n = 0; n < 12; n++) await publish(run, 'dead.hrv.schema_invalid');
    await publish(run, 'dead.other'); // nobody's dead letter
    expect((await readStatus(run.account, topology)).deadLetters).toEqual({ messages: 12 });
    expect((await takeBaseline(run.environment)).deadLetters).toBe(12);
    const results = await runChecks(verifyChecks, contextOf(run, 'single', { baseline }));
    expect(results.find(({ id }) => id === 'dead-letters')).toMatchObject({
      level: 'red',
      evidence: expect.stringMatching(
        /^12 dead letters, 0 at .+; more than 10 in the last minute$/,
      ) as unknown,
    });
  });
});

describe('around a run', () => {
  let run: TestRun;
  beforeAll(async () => {
    run = await startRun(seedTopology);
  });
  afterAll(() => run.stop());

  test('dead letters are counted from an instant on, without advisories and no further than asked', async () => {
    const { account } = run;
    const kept = (await account.stream('AA_DLQ'))!.config;
    await account.updateStream({ ...kept, subjects: ['dlq.>', 'advisory.>'] });
    for (let n = 0; n < 20; n++) await publish(run, n % 2 === 0 ? `dlq.normalize.${n}` : `advisory.${n}`);
    await account.updateStream(kept);
    const fifth = (await account.message('AA_DLQ', { seq: 9 }))!; // dlq 0, 2, 4, 6, 8
    const from = Date.parse(fifth.time);
    const later = (await account.message('AA_DLQ', { seq: 19 }))!;
    const times = await Promise.all(
      Array.from({ length: 10 }, async (_, n) =>
        Date.parse((await account.message('AA_DLQ', { seq: 2 * n + 1 }))!.time),
      ),
    );
    const since = (instant: number): number => times.filter((time) => time >= instant).length;
    expect(await countSince(account, 'AA_DLQ', 0, 100)).toBe(10);
    expect(await countSince(account, 'AA_DLQ', from, 100)).toBe(since(from));
    expect(await countSince(account, 'AA_DLQ', Date.parse(later.time) + 1, 100)).toBe(0);
    expect(await countSince(account, 'AA_DLQ', 0, 3)).toBe(3);
    expect((await takeBaseline({ account, topology: seedTopology })).deadLetters).toBe(10);
    await account.api('STREAM.PURGE.AA_DLQ');
  });

  test('a run that is open tells which mode pods and durables are expected in', async () => {
    const { account, environment } = run;
    expect(await expectedModes(account, seedTopology)).toEqual({ mode: 'single', ownedIn: 'single' });
    const early = await migrate(environment, { to: 'multi', options: OPTIONS, pauseBefore: 'config' });
    expect(early.exitCode).toBe(4);
    expect(await expectedModes(account, seedTopology)).toEqual({ mode: 'single', ownedIn: 'single' });
    expect((await resume(environment, 'handover')).exitCode).toBe(4);
    const between = { mode: 'multi', ownedIn: 'single' };
    expect(await expectedModes(account, seedTopology)).toEqual(between);
    expect(redsOf(await runChecks(bindingChecks, contextOf(run, 'multi', between)))).toEqual([]);
    expect((await resume(environment)).exitCode).toBe(0);
    expect(await expectedModes(account, seedTopology)).toEqual({ mode: 'multi', ownedIn: 'multi' });
    expect(redsOf(await runChecks(verifyChecks, contextOf(run, 'multi')))).toEqual([]);
  });
});
