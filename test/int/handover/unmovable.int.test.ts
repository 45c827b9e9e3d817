import { afterEach, describe, expect, it } from 'vitest';
import { type Finding, type OpsError, openWriter, type StreamConfig } from '@aa-ops/topology';
import { migrate } from '../../../cli/src/runbook/migrate.ts';
import { rollBack } from '../../../cli/src/runbook/rollBack.ts';
import { startTraffic } from '../../../cli/src/traffic/index.ts';
import { limited, OPTIONS, startRun, type TestRun } from '../../support/runs.ts';
import { topologyOf, withStream } from '../../support/topologies.ts';

const topology = topologyOf('unmovable', {
  single: { subjects: { OLD: ['x.>'] }, consumers: { w: { stream: 'OLD', filters: ['x.>'] } } },
  multi: { subjects: { NEW: ['x.>'] }, consumers: { w: { stream: 'NEW', filters: ['x.>'] } } },
});

let run: TestRun;
afterEach(() => run.stop());

const publish = async (count: number): Promise<void> => {
  for (let i = 0; i < count; i++) await run.account.connection.request('x.a', `${i}`);
};
const configs = async (): Promise<string> =>
  JSON.stringify(
    (await run.account.listStreams())
      .filter(({ config }) => !config.name.startsWith('KV_'))
      .map(({ config }) => config),
  );

/** A migration that has to be refused before anything changes; answers code and message of each finding. */
async function refusals(): Promise<Record<string, string>> {
  const before = await configs();
  const error = await migrate(run.environment, { to: 'multi', options: OPTIONS }).then(
    () => undefined,
    (thrown: OpsError) => thrown,
  );
  expect(error, 'not refused').toMatchObject({ kind: 'refused' });
  expect(error!.hint).toBeTruthy();
  expect(await configs()).toBe(before);
  const findings = (error!.details?.['findings'] ?? []) as Finding[];
  return Object.fromEntries(findings.map(({ code, message }) => [code, message]));
}

describe('streams that no copy can move', () => {
  it.each([
    [
      'retention-not-movable',
      'OLD',
      { retention: 'workqueue', deny_purge: true },
      'OLD has retention workqueue and denyPurge',
    ],
    ['stream-transforms', 'OLD', { subject_transform: { src: 'x.a', dest: 'x.b' } }, 'OLD rewrites subjects'],
  ] as const)('%s: %s', async (code, stream, fields, message) => {
    run = await startRun(withStream(topology, stream, fields as Partial<StreamConfig>));
    expect((await refusals())[code]).toContain(message);
  });

  it('a sealed stream', async () => {
    run = await startRun(topology);
    await run.change('NEW', { sealed: true });
    expect(await refusals()).toHaveProperty('stream-sealed');
  });

  it('a source of somebody else: its stream would fall silent', async () => {
    run = await startRun(topology);
    await run.account.createStream({ name: 'THEIRS', sources: [{ name: 'OLD', filter_subject: 'x.a' }] });
    expect((await refusals())['undeclared-reader']).toContain('THEIRS, which sources OLD');
  });
});

describe('limits of the account', () => {
  it('too few streams for what has to be made, with the numbers', async () => {
    run = await startRun(topology, limited('max_streams: 3'));
    await run.account.deleteStream('NEW');
    await run.account.createStream({ name: 'FULL', subjects: ['full'] });
    // OLD and FULL; the state of the runs is the third.
    expect((await refusals())['account-streams']).toMatch(/uses 3 streams, .* needs 1 more, the limit is 3/);
  });

  it('too few consumers for those that move', async () => {
    run = await startRun(topology, limited('max_consumers: 1'));
    expect((await refusals())['account-consumers']).toMatch(
      /uses 1 consumers, .* needs 1 more, the limit is 1/,
    );
  });
});

describe('what a durable has not worked', () => {
  it('and the copy would not bring is refused, naming both sequences', async () => {
    run = await startRun(topology);
    await publish(6);
    expect(await migrate(run.environment, { to: 'multi', options: OPTIONS })).toMatchObject({ exitCode: 0 });
    expect(await rollBack(run.environment)).toMatchObject({ exitCode: 0 });
    // Somebody clears the copies away that the next run would have gone on behind.
    await run.account.api('STREAM.PURGE.NEW', { filter: 'x.>' });
    expect((await refusals())['unacked-without-copy']).toMatch(
      /w has not worked message 1 of OLD, .* the copy goes on at \d+/,
    );
  });
});

describe('without the rights for a hold', () => {
  it('publishers meet 503 in the window only, and lose nothing that was acked', async () => {
    run = await startRun(topology, {
      config: `accounts { A { jetstream: enabled, users: [
        { user: admin, password: pw }
        { user: nohold, password: pw, permissions: { publish: [">"], subscribe: ["_INBOX.>", "_aa-ops.>"] } }
      ] } }`,
      settings: { user: 'admin', password: 'pw' },
    });
    const { settings, account } = run;
    const theirs = { ...settings, user: 'nohold' };
    Object.assign(run.environment, { settings: theirs, account: await openWriter(theirs) });
    const traffic = await startTraffic(settings, [
      { name: 'all', kind: 'waiting', msgId: true, subjects: ['x.a'], ratePerSecond: 400, retry: true },
      { name: 'once', kind: 'waiting', msgId: false, subjects: ['x.b'], ratePerSecond: 400 },
    ]);
    const outcome = await migrate(run.environment, { to: 'multi', options: OPTIONS });
    expect(outcome).toMatchObject({ exitCode: 0, json: { result: 'done' } });
    expect(run.notices.map(({ code }) => code)).toContain('no-hold');
    await traffic.stop();
    const { refused, unanswered } = traffic.counts();
    expect(unanswered).toBe(0);
    // One that waits for each answer is refused again and again for as long as nobody owns its subject, and only then.
    expect(Object.keys(traffic.ledger.errors()).filter((code) => code !== '503')).toEqual([]);
    expect(refused).toBeLessThanOrEqual(Math.ceil((outcome.json.handovers[0]!.windowMs / 1_000) * 400) + 5);
    await run.environment.account.close();
    expect((await account.subjectCounts('NEW', 'x.>')).size).toBe(2);
  });
});
