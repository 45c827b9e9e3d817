import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Finding, type OpsError, openWriter } from '@aa-ops/topology';
import { migrate } from '../../../cli/src/runbook/migrate.ts';
import { rollBack } from '../../../cli/src/runbook/rollBack.ts';
import { OPTIONS, startRun, type TestRun } from '../../support/runs.ts';
import { seedTopology } from '../../support/topologies.ts';
import { tracesOf } from '../../support/traces.ts';

const LEGACY = 'ATHLETE_ALLY_EVENTS';
let run: TestRun;

const publish = async (subject: string, count = 1, size = 10): Promise<void> => {
  for (let i = 0; i < count; i++) await run.account.connection.request(subject, new Uint8Array(size));
};
/** Everything that a refusal must leave as it is. */
const configs = async (): Promise<string> => {
  const streams = await run.account.listStreams();
  return JSON.stringify(
    streams.filter(({ config }) => !config.name.startsWith('KV_')).map(({ config }) => config),
  );
};
/** Runs a migration that has to be refused, and answers its findings; nothing may have changed. */
async function refused(
  options: Partial<typeof OPTIONS> = {},
): Promise<{ error: OpsError; findings: Finding[] }> {
  const before = await configs();
  const error = await migrate(run.environment, { to: 'multi', options: { ...OPTIONS, ...options } }).then(
    () => undefined,
    (thrown: OpsError) => thrown,
  );
  expect(error).toMatchObject({ kind: 'refused' });
  expect(await configs()).toBe(before);
  return { error: error!, findings: (error!.details?.['findings'] ?? []) as Finding[] };
}
const codesOf = (findings: Finding[]): string[] => findings.map(({ code }) => code);

beforeEach(async () => {
  run = await startRun(seedTopology);
});
afterEach(() => run.stop());

describe('readers that nobody declared', () => {
  it('lists durables, ephemerals, push consumers and mirrors at once; --leave-readers goes on', async () => {
    const { account } = run;
    await account.createConsumer(LEGACY, {
      durable_name: 'reporter',
      ack_policy: 'explicit',
      filter_subjects: ['sleep.*'],
    });
    await account.api(`CONSUMER.CREATE.${LEGACY}`, {
      stream_name: LEGACY,
      config: { ack_policy: 'none', deliver_policy: 'all', inactive_threshold: 60e9 },
    });
    await account.createConsumer(LEGACY, {
      durable_name: 'pushed',
      ack_policy: 'explicit',
      deliver_subject: 'to.me',
    });
    await account.createStream({ name: 'COPY', mirror: { name: LEGACY } });
    const { findings } = await refused();
    expect(codesOf(findings).filter((code) => code === 'undeclared-reader').length).toBeGreaterThanOrEqual(4);
    const text = findings.map(({ message }) => message).join('\n');
    for (const reader of ['reporter', 'ephemeral', 'pushed', 'COPY, which mirrors'])
      expect(text).toContain(reader);
    const outcome = await migrate(run.environment, {
      to: 'multi',
      options: { ...OPTIONS, leaveReaders: true },
    });
    expect(outcome).toMatchObject({ exitCode: 0, json: { result: 'done' } });
  });
});

describe('a source of ours that no run knows', () => {
  const addSource = async (): Promise<void> => {
    const { config } = (await run.account.stream('AA_CORE_HOT'))!;
    const transforms = ['sleep.*', '_aa-ops.epoch.gone.ATHLETE_ALLY_EVENTS.1-0.*'];
    const source = { name: LEGACY, subject_transforms: transforms.map((src) => ({ src, dest: '' })) };
    await run.account.updateStream({ ...config, sources: [source] });
  };

  it('is refused while it may bring what is on no record, and taken away where it cannot', async () => {
    expect(await migrate(run.environment, { to: 'multi', options: OPTIONS })).toMatchObject({ exitCode: 0 });
    expect(await rollBack(run.environment)).toMatchObject({ exitCode: 0 });
    await publish('sleep.scored');
    await addSource();
    const { findings } = await refused();
    expect(codesOf(findings)).toContain('leftover-source');

    await run.account.api(`STREAM.PURGE.${LEGACY}`);
    await run.account.api('STREAM.PURGE.AA_CORE_HOT'); // what it had brought by then
    expect(await migrate(run.environment, { to: 'multi', options: OPTIONS })).toMatchObject({ exitCode: 0 });
    expect(await tracesOf(run.account, seedTopology)).toEqual([]);
  });
});

describe('a durable that the topology places in the old mode only', () => {
  it('would fall silent: it is refused; one of the new mode only is warned of on the way back', async () => {
    const { topology } = run.environment;
    const changed = {
      ...topology,
      modes: structuredClone(topology.modes),
      consumers: { ...topology.consumers },
    };
    const fields = { filter_subjects: ['sleep.*'], ack_policy: 'explicit' as const };
    changed.consumers['old'] = changed.consumers['new'] = fields;
    changed.modes['single']!.consumers['old'] = { stream: LEGACY, fields: {} };
    changed.modes['multi']!.consumers['new'] = { stream: 'AA_CORE_HOT', fields: {} };
    run.environment.topology = changed;
    await run.account.createConsumer(LEGACY, { durable_name: 'old', ...fields });
    const { findings } = await refused();
    expect(findings.map(({ message }) => message).join()).toContain(`durable ${LEGACY} > old reads`);
    const leave = { to: 'multi', options: { ...OPTIONS, leaveReaders: true } };
    expect(await migrate(run.environment, leave)).toMatchObject({ exitCode: 0 });
    expect((await rollBack(run.environment)).exitCode).not.toBe(1);
    const warned = run.notices.filter(({ code, level }) => code === 'undeclared-reader' && level === 'warn');
    expect(warned.map(({ message }) => message).join()).toContain('durable AA_CORE_HOT > new reads');
  });
});

describe('subjects that nobody would own', () => {
  it('counts them and refuses; --orphan-subjects goes on; a way back only warns', async () => {
    const { topology } = run.environment;
    const narrow = { ...topology, modes: structuredClone(topology.modes) };
    narrow.modes['multi']!.subjects['AA_CORE_HOT'] = ['athlete-ally.hrv.>', 'sleep.*'];
    run.environment.topology = narrow;
    await publish('athlete-ally.plan.made', 3);
    const { error, findings } = await refused();
    expect(codesOf(findings)).toEqual(['orphan-subjects']);
    expect(error.message).toContain('athlete-ally.plan.made (3)');
    const outcome = await migrate(run.environment, {
      to: 'multi',
      options: { ...OPTIONS, orphanSubjects: true },
    });
    expect(outcome.exitCode).toBe(0);
    await publish('vendor.fitbit.hook'); // single has no owner for it
    const back = await rollBack(run.environment);
    expect(back.exitCode).toBe(0);
    expect(
      run.notices.filter(({ code, level }) => code === 'orphan-subjects' && level === 'warn'),
    ).not.toEqual([]);
  });
});

describe('limits, with both numbers', () => {
  beforeEach(() => publish('athlete-ally.hrv.raw-received', 20, 100));

  it.each([
    ['target-bytes', { max_bytes: 500 }, /maxBytes is 500/],
    ['target-messages', { max_msgs: 5 }, /brings 20, its maxMsgs is 5/],
    ['target-messages-per-subject', { max_msgs_per_subject: 3 }, /up to 20 messages on one subject.*is 3/],
    ['target-message-size', { max_msg_size: 64 }, /any size, maxMsgSize of AA_CORE_HOT is 64/],
  ] as const)('%s', async (code, fields, message) => {
    await run.change('AA_CORE_HOT', fields);
    const { error, findings } = await refused();
    expect(codesOf(findings)).toContain(code);
    expect(error.message + JSON.stringify(findings)).toMatch(message);
  });

  it('a stream that drops what nobody reads there takes nothing that is read by nobody', async () => {
    await run.change('AA_CORE_HOT', { retention: 'interest' });
    expect(codesOf((await refused()).findings)).toContain('interest-unread');
  });
});

describe('rights', () => {
  const config = `accounts { A { jetstream: enabled, users: [
    { user: admin, password: pw }
    { user: nohold, password: pw, permissions: { publish: [">"], subscribe: ["_INBOX.>", "_aa-ops.>"] } }
    { user: noupdate, password: pw, permissions: { publish: { deny: ["$JS.API.STREAM.UPDATE.AA_CORE_HOT"] }, subscribe: [">"] } }
  ] } }`;
  const as = async (user: string): Promise<void> => {
    await run.stop();
    run = await startRun(seedTopology, { config, settings: { user: 'admin', password: 'pw' } });
    const settings = { servers: [run.server.url], user, password: 'pw' };
    run.environment.settings = settings;
    run.environment.account = await openWriter(settings);
  };

  it('names the right that is missing before anything is changed', async () => {
    await as('noupdate');
    const { error } = await refused();
    expect(error).toMatchObject({ code: 'right-missing' });
    expect(error.message).toContain('$JS.API.STREAM.UPDATE.AA_CORE_HOT');
    await run.environment.account.close();
  });

  it('goes on without a hold where only its rights are missing, and says so', async () => {
    await as('nohold');
    const outcome = await migrate(run.environment, { to: 'multi', options: OPTIONS });
    expect(outcome).toMatchObject({ exitCode: 0, json: { result: 'done' } });
    const [warning] = run.notices.filter(({ code }) => code === 'no-hold');
    expect(warning?.message).toContain('subscribe athlete-ally.>');
    expect(outcome.json.handovers.every(({ held }) => held === 0)).toBe(true);
    await run.environment.account.close();
  });
});

describe('what an account allows', () => {
  it('refuses a copy that would not fit, with the numbers', async () => {
    await run.stop();
    run = await startRun(seedTopology, {
      config:
        'jetstream { max_file_store: 1GB }\naccounts { A { jetstream: { max_store: 400000 }, users: [{ user: a, password: a }] } }',
      settings: { user: 'a', password: 'a' },
    });
    await publish('sleep.scored', 300, 1_000);
    const { findings } = await refused({ copy: 'all' });
    expect(codesOf(findings)).toContain('account-storage');
    expect(JSON.stringify(findings)).toContain('the limit is 400000');
  });
});
