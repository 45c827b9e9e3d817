import { afterEach, describe, expect, it } from 'vitest';
import { newHeaders, type OpsError, type Finding, type StreamConfig, type Topology } from '@aa-ops/topology';
import { migrate, planOnly, resume } from '../../../cli/src/runbook/migrate.ts';
import { rollBack } from '../../../cli/src/runbook/rollBack.ts';
import { OPTIONS, startRun, type TestRun } from '../../support/runs.ts';
import { topologyOf } from '../../support/topologies.ts';

const topology = topologyOf('kinds', {
  single: { subjects: { OLD: ['x.>'] }, consumers: { w: { stream: 'OLD', filters: ['x.>'] } } },
  multi: { subjects: { NEW: ['x.>'] }, consumers: { w: { stream: 'NEW', filters: ['x.>'] } } },
});
const withFields = (of: Topology, fields: Record<string, Partial<StreamConfig>>): Topology => ({
  ...of,
  streams: Object.fromEntries(
    Object.entries(of.streams).map(([name, own]) => [name, { ...own, ...fields[name] }]),
  ),
});

let run: TestRun;
afterEach(() => run.stop());

const publish = async (
  subject: string,
  count: number,
  headers: Record<string, string> = {},
): Promise<void> => {
  const all = newHeaders();
  for (const [name, value] of Object.entries(headers)) all.set(name, value);
  for (let n = 1; n <= count; n++)
    await run.account.connection.request(subject, `${n}`, { headers: all, timeout: 5_000 });
};
const change = async (stream: string, fields: Partial<StreamConfig>): Promise<void> => {
  const { config } = (await run.account.stream(stream))!;
  await run.account.updateStream({ ...config, ...fields });
};
const configs = async (): Promise<string> =>
  JSON.stringify(
    (await run.account.listStreams())
      .filter(({ config }) => !config.name.startsWith('KV_'))
      .map(({ config }) => config),
  );

/** A migration that has to be refused before anything changes; the message of each finding, by code. */
async function refusals(): Promise<Record<string, string>> {
  const before = await configs();
  const error = await migrate(run.environment, { to: 'multi', options: OPTIONS }).then(
    () => undefined,
    (thrown: OpsError) => thrown,
  );
  expect(error, 'not refused').toMatchObject({ kind: 'refused' });
  expect(await configs()).toBe(before);
  const findings = (error!.details?.['findings'] ?? []) as Finding[];
  return Object.fromEntries(findings.map(({ code, message }) => [code, message]));
}

describe('streams that do not store what is published as it comes, or do not say so', () => {
  it('publish messages later', async () => {
    run = await startRun(topology);
    await change('OLD', { allow_rollup_hdrs: true, allow_msg_schedules: true });
    expect(await refusals()).toHaveProperty('stream-schedules');
  });

  it('count', async () => {
    run = await startRun(topology);
    const { config } = (await run.account.stream('NEW'))!;
    await run.account.deleteStream('NEW');
    await run.account.createStream({ ...config, allow_msg_counter: true });
    expect(await refusals()).toHaveProperty('stream-counts');
  });

  it('answer no publish', async () => {
    run = await startRun(withFields(topology, { OLD: { no_ack: true } }));
    expect(await refusals()).toHaveProperty('stream-no-ack');
  });
});

describe('an origin that is full and refuses what is new', () => {
  it.each([
    ['maxMsgs', { max_msgs: 5 }],
    ['maxBytes', { max_bytes: 400 }],
  ] as const)('%s: refused, since no sentinel would be stored', async (field, limit) => {
    run = await startRun(withFields(topology, { OLD: { ...limit, discard: 'new' } }));
    await publish('x.a', 20);
    expect((await refusals())['origin-full']).toContain(`its ${field} is`);
  });
});

describe('an origin that fills up behind the plan', () => {
  it('gets no second window, since no sentinel would be stored in that one either', async () => {
    run = await startRun(withFields(topology, { OLD: { max_msgs: 20, discard: 'new' } }));
    const paused = { to: 'multi', options: OPTIONS, pauseBefore: 'handover' as const };
    expect(await migrate(run.environment, paused)).toMatchObject({ exitCode: 4 });
    await publish('x.a', 30);
    const outcome = await resume(run.environment);
    expect(outcome).toMatchObject({ exitCode: 1, json: { error: { code: 'window-reverted' } } });
    expect(outcome.error?.message).toMatch(
      /^the subjects went back 1 times: OLD cannot store .* maximum messages/,
    );
    expect(await run.account.subjectCounts('OLD', '>')).toEqual(new Map([['x.a', 20]]));
  });
});

describe('what only the origin lets its publishers do', () => {
  it.each(['allow_msg_ttl', 'allow_rollup_hdrs', 'allow_atomic', 'allow_batched'] as const)(
    '%s: refused on the way there, since they would be refused behind it',
    async (field) => {
      const declared = field === 'allow_msg_ttl' ? { OLD: { [field]: true } } : {};
      run = await startRun(withFields(topology, declared));
      await change('OLD', { [field]: true });
      expect((await refusals())['target-disallows']).toMatch(/^OLD has \w+, NEW has not/);
    },
  );

  it('is warned of on the way back: it was not allowed there before', async () => {
    run = await startRun(withFields(topology, { NEW: { allow_msg_ttl: true } }));
    expect(await migrate(run.environment, { to: 'multi', options: OPTIONS })).toMatchObject({ exitCode: 0 });
    await publish('x.a', 1, { 'Nats-TTL': '1h' });
    expect(await rollBack(run.environment)).toMatchObject({ exitCode: 0 });
    expect(run.notices.map(({ code }) => code)).toContain('target-disallows');
  });
});

describe('roll-ups', () => {
  const parts = topologyOf('rollups', {
    single: { subjects: { OLD: ['x.>', 'k.>'] }, consumers: { w: { stream: 'OLD', filters: ['x.>'] } } },
    multi: {
      subjects: { NEW: ['x.>'], OLD: ['k.>'] },
      consumers: { w: { stream: 'NEW', filters: ['x.>'] } },
    },
  });
  const rolling = { allow_rollup_hdrs: true };

  it('of a part of a stream are refused: one that is handed back would purge the rest', async () => {
    run = await startRun(withFields(parts, { OLD: rolling, NEW: rolling }));
    expect((await refusals())['rollup-not-movable']).toContain('comes on the way back would purge the rest');
  });

  it('so are those that would come into a stream beside others', async () => {
    const merged = topologyOf('rollups', {
      single: { subjects: { ONE: ['x.1'], TWO: ['x.2'] } },
      multi: { subjects: { BOTH: ['x.1', 'x.2'] } },
    });
    run = await startRun(withFields(merged, { ONE: rolling, TWO: rolling, BOTH: rolling }));
    expect((await refusals())['rollup-not-movable']).toContain('BOTH lets publishers roll up');
  });

  it('of a whole stream are handed over and back', async () => {
    run = await startRun(withFields(topology, { OLD: rolling, NEW: rolling }));
    await publish('x.a', 3);
    await publish('x.b', 1, { 'Nats-Rollup': 'all' });
    const options = { ...OPTIONS, copy: 'all' };
    expect(await migrate(run.environment, { to: 'multi', options })).toMatchObject({ exitCode: 0 });
    await publish('x.a', 2);
    await publish('x.a', 1, { 'Nats-Rollup': 'sub' });
    expect(await rollBack(run.environment)).toMatchObject({ exitCode: 0 });
    expect(await run.account.subjectCounts('OLD', 'x.>')).toEqual(
      new Map([
        ['x.a', 1],
        ['x.b', 1],
      ]),
    );
  });
});

describe('a stream that the topology does not name', () => {
  const wider = topologyOf('wider', {
    single: { subjects: { OLD: ['x.1'] } },
    multi: { subjects: { NEW: ['x.>'] } },
  });
  const foreign = (subject: string) => run.account.createStream({ name: 'FOREIGN', subjects: [subject] });

  it('and that hears what a target gains besides what moves is named, with both subjects', async () => {
    run = await startRun(wider);
    await foreign('x.2.*');
    expect((await refusals())['subjects-overlap']).toBe('NEW should hear x.>, but FOREIGN hears x.2.*');
  });

  it('so is one that hears what a rollback would give back', async () => {
    const narrower = topologyOf('wider', {
      single: { subjects: { OLD: ['x.>'] } },
      multi: { subjects: { NEW: ['x.1'] } },
    });
    run = await startRun(narrower);
    await change('OLD', { subjects: ['x.1', 'x.3'] });
    await foreign('x.2.*');
    const { plan } = await planOnly(run.environment, { to: 'multi', options: OPTIONS });
    expect(plan.findings).toContainEqual(
      expect.objectContaining({
        code: 'subjects-overlap',
        severity: 'refuse',
        message: 'OLD should hear x.>, but FOREIGN hears x.2.*',
      }),
    );
  });

  it('does not keep a way back from what it does not hear', async () => {
    run = await startRun(wider);
    expect(await migrate(run.environment, { to: 'multi', options: OPTIONS })).toMatchObject({ exitCode: 0 });
    await foreign('y.>');
    expect(await rollBack(run.environment)).toMatchObject({ exitCode: 0 });
  });
});
