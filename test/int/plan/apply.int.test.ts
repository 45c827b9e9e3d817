import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  applyPlan,
  canonicalJson,
  countDeletion,
  type JetStreamWriter,
  makePlan,
  type Notice,
  openReader,
  openWriter,
  OpsError,
  pending,
  readLive,
  readPlanFile,
  refuseStale,
  silentHost,
  type Topology,
  writePlanFile,
} from '../../../topology/src/index.ts';
import { type NatsServer, startNats } from '../../support/servers.ts';
import { athleteAlly, HOUR } from '../../unit/plan/fixtures.ts';

let server: NatsServer;
let account: JetStreamWriter;
beforeAll(async () => {
  server = await startNats();
  account = await openWriter({ servers: [server.url] });
});
afterAll(async () => {
  await account?.close();
  await server?.stop();
});
beforeEach(async () => {
  for (const { config } of await account.listStreams()) await account.deleteStream(config.name);
});

const apply = async (topology: Topology, allowDestructive = false, host = silentHost) =>
  applyPlan(account, await makePlan(account, topology), { allowDestructive, host });
const pendingOf = async (topology: Topology) => pending(await makePlan(account, topology));
const refusal = async (work: Promise<unknown>): Promise<OpsError> => {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(OpsError);
  return error as OpsError;
};

/** Every configuration in the account, to the byte, in the order of names. */
async function configurations(): Promise<string> {
  const streams = await account.listStreams();
  const all = await Promise.all(
    streams.map(async ({ config }) => [
      config,
      (await account.listConsumers(config.name)).map((one) => ({ config: one.config, created: one.created })),
    ]),
  );
  return all
    .map((one) => canonicalJson(one))
    .sort()
    .join('\n');
}

/** Publishes and waits until the stream has stored it. */
const publish = (subject: string, body = 'x') => account.connection.jetstream().publish(subject, body);

describe('apply', () => {
  it('makes an empty account what the initial mode says, and changes nothing the second time, byte for byte', async () => {
    const made = await apply(athleteAlly());
    expect(made.map(({ kind, name }) => `${kind} ${name}`)).toEqual([
      'stream ATHLETE_ALLY_EVENTS',
      'stream AA_CORE_HOT',
      'stream AA_VENDOR_HOT',
      'stream AA_DLQ',
      'consumer normalize-hrv-durable',
    ]);
    const before = await configurations();
    expect(await apply(athleteAlly())).toEqual([]);
    expect(await configurations()).toBe(before);
    expect((await account.stream('AA_CORE_HOT'))!.config.subjects).toEqual(['_aa-ops.closed.AA_CORE_HOT']);
    expect(await account.consumer('AA_CORE_HOT', 'normalize-hrv-durable')).toBeUndefined();
  });

  it('sets every field that a file can set, and finds nothing left to do', async () => {
    const base = athleteAlly();
    const topology: Topology = {
      ...base,
      streams: {
        FULL: {
          description: 'all of it',
          retention: 'interest',
          storage: 'file',
          discard: 'new',
          discard_new_per_subject: true,
          max_age: 48 * HOUR,
          max_msgs: 1000,
          max_msgs_per_subject: 10,
          max_bytes: 1 << 20,
          max_msg_size: 1 << 16,
          max_consumers: 20,
          duplicate_window: 60e9,
          compression: 's2',
          allow_direct: true,
          allow_rollup_hdrs: true,
          deny_delete: true,
          first_seq: 100,
          republish: { src: 'full.>', dest: 'again.>', headers_only: true },
          subject_transform: { src: 'full.old.*', dest: 'full.new.{{wildcard(1)}}' },
          metadata: { owner: 'platform' },
          consumer_limits: { inactive_threshold: 3600e9, max_ack_pending: 500 },
          sources: [
            { name: 'PLAIN', filter_subject: 'plain.a' },
            { name: 'OTHER', subject_transforms: [{ src: 'other.*', dest: 'moved.{{wildcard(1)}}' }] },
          ],
        },
        PLAIN: {},
        OTHER: {},
        COPY: { mirror: { name: 'PLAIN' } },
      },
      consumers: {
        full: {
          description: 'all of it',
          filter_subjects: ['full.a', 'full.b'],
          ack_policy: 'all',
          deliver_policy: 'new',
          max_deliver: 4,
          backoff: [1e9, 5e9],
          max_ack_pending: 50,
          max_waiting: 9,
          max_batch: 100,
          max_expires: 30e9,
          max_bytes: 1 << 20,
          inactive_threshold: 600e9,
          headers_only: true,
          replay_policy: 'original',
          mem_storage: true,
          num_replicas: 1,
          metadata: { owner: 'platform' },
        },
        plain: {},
      },
      modes: {
        single: {
          name: 'single',
          subjects: { FULL: ['full.>'], PLAIN: ['plain.>'], OTHER: ['other.>'] },
          consumers: { full: { stream: 'FULL', fields: {} }, plain: { stream: 'PLAIN', fields: {} } },
        },
      },
    };
    await apply(topology);
    expect((await pendingOf(topology)).map(({ name, fields }) => [name, fields])).toEqual([]);
    const before = await configurations();
    await apply(topology);
    expect(await configurations()).toBe(before);
  });

  it('updates in place what can be, keeps what the file does not know, and touches nothing else', async () => {
    const topology = athleteAlly();
    await apply(topology);
    await account.createStream({ name: 'MINE', subjects: ['mine.>'] });
    await account.createConsumer('AA_DLQ', { durable_name: 'mine', ack_policy: 'explicit' });
    topology.streams['AA_DLQ'] = {
      ...topology.streams['AA_DLQ'],
      description: 'dead letters',
      max_age: 30 * 24 * HOUR,
    };
    topology.consumers['normalize-hrv-durable']!.max_deliver = 7;
    const changed = await apply(topology);
    expect(changed.map(({ name, fields }) => [name, fields])).toEqual([
      [
        'AA_DLQ',
        [
          { path: 'description', before: null, after: 'dead letters' },
          { path: 'maxAge', before: '14d', after: '30d' },
        ],
      ],
      ['normalize-hrv-durable', [{ path: 'maxDeliver', before: 5, after: 7 }]],
    ]);
    expect(await pendingOf(topology)).toEqual([]);
    expect(await account.stream('MINE')).toBeDefined();
    expect(await account.consumer('AA_DLQ', 'mine')).toBeDefined();
  });

  it('makes what is missing again without touching the rest', async () => {
    await apply(athleteAlly());
    await account.deleteStream('AA_VENDOR_HOT');
    await account.deleteConsumer('ATHLETE_ALLY_EVENTS', 'normalize-hrv-durable');
    const made = await apply(athleteAlly());
    expect(made.map(({ name }) => name)).toEqual(['AA_VENDOR_HOT', 'normalize-hrv-durable']);
  });

  it('leaves filters that replace others to a window, before the first write', async () => {
    await apply(athleteAlly());
    const topology = athleteAlly();
    topology.modes['single']!.subjects['ATHLETE_ALLY_EVENTS'] = ['athlete-ally.>', 'vendor.>', 'sleep.*'];
    topology.streams['AA_DLQ'] = { ...topology.streams['AA_DLQ'], description: 'changes too' };
    const before = await configurations();
    const error = await refusal(apply(topology));
    expect(error).toMatchObject({ code: 'window-needed', kind: 'refused' });
    expect(await configurations()).toBe(before);
  });

  it('refuses a handover before the first write, explains 10065 with both streams and both subjects', async () => {
    const topology = athleteAlly();
    await apply(topology);
    const before = await configurations();
    topology.modes['single']!.subjects['ATHLETE_ALLY_EVENTS'] = ['athlete-ally.>', 'vendor.oura.>'];
    topology.modes['single']!.subjects['AA_VENDOR_HOT'] = ['sleep.deep'];
    topology.streams['AA_DLQ'] = {
      ...topology.streams['AA_DLQ'],
      description: 'safe, and waits all the same',
    };
    const error = await refusal(apply(topology));
    expect(error).toMatchObject({
      code: 'subjects-overlap',
      kind: 'refused',
      hint: 'aa-ops migrate --to single',
      message: expect.stringMatching(
        /AA_VENDOR_HOT should own sleep\.deep, but ATHLETE_ALLY_EVENTS owns sleep\.\*.*10065/,
      ) as unknown,
    });
    expect(await configurations()).toBe(before);
  });

  it('refuses a stream made by hand in the way, names it, and makes nothing of the rest', async () => {
    await account.createStream({ name: 'MINE', subjects: ['athlete-ally.hrv.>'] });
    const error = await refusal(apply(athleteAlly()));
    expect(error).toMatchObject({ code: 'subjects-overlap', kind: 'refused' });
    expect(error.message).toContain('MINE owns athlete-ally.hrv.>');
    expect(error.hint).toContain('MINE');
    expect((await account.listStreams()).map(({ config }) => config.name)).toEqual(['MINE']);
  });

  it('refuses what cannot change in place', async () => {
    const topology = athleteAlly();
    await apply(topology);
    topology.streams['AA_DLQ'] = { ...topology.streams['AA_DLQ'], storage: 'memory' };
    expect(await refusal(apply(topology))).toMatchObject({ code: 'replace-needed', kind: 'refused' });
  });

  it('refuses an account that fits no mode, and says which stream differs how', async () => {
    await apply(athleteAlly());
    const legacy = (await account.stream('ATHLETE_ALLY_EVENTS'))!.config;
    await account.updateStream({ ...legacy, subjects: ['athlete-ally.>', 'vendor.oura.>'] });
    const core = (await account.stream('AA_CORE_HOT'))!.config;
    await account.updateStream({ ...core, subjects: ['sleep.*'] });
    const error = await refusal(apply(athleteAlly()));
    expect(error).toMatchObject({ code: 'mode-mixed', kind: 'refused' });
    expect(error.message).toContain('against single ATHLETE_ALLY_EVENTS lacks sleep.*');
    expect(error.message).toContain('AA_CORE_HOT should not own sleep.*');
  });

  it('stops half way with what it had done when the account changes under it', async () => {
    const plan = await makePlan(account, athleteAlly());
    await account.createStream({ name: 'AA_VENDOR_HOT', subjects: ['elsewhere.>'] });
    const error = await refusal(applyPlan(account, plan, { allowDestructive: false, host: silentHost }));
    expect(error).toMatchObject({
      code: 'plan-stale',
      kind: 'partial',
      details: { applied: ['stream ATHLETE_ALLY_EVENTS', 'stream AA_CORE_HOT'] },
    });
    await account.deleteStream('AA_VENDOR_HOT');
    expect((await apply(athleteAlly())).map(({ name }) => name)).toEqual([
      'AA_VENDOR_HOT',
      'AA_DLQ',
      'normalize-hrv-durable',
    ]);
  });

  it('stops between two changes when it is interrupted', async () => {
    const stop = new AbortController();
    const host = { notify: () => stop.abort() };
    const plan = await makePlan(account, athleteAlly());
    const error = await refusal(
      applyPlan(account, plan, { allowDestructive: false, host, signal: stop.signal }),
    );
    expect(error).toMatchObject({
      kind: 'interrupted',
      details: { applied: ['stream ATHLETE_ALLY_EVENTS'] },
    });
  });
});

describe('changes that delete', () => {
  /** One stream S that holds `count` messages on `subjects`, and a file that tightens it. */
  async function filled(tighter: object, count: number, live: object = {}): Promise<Topology> {
    const topology = athleteAlly({
      streams: { S: { ...live, ...tighter } },
      consumers: {},
      modes: { single: { name: 'single', subjects: { S: ['s.>'] }, consumers: {} } },
    });
    await account.createStream({ name: 'S', subjects: ['s.>'], ...live });
    for (let n = 0; n < count; n += 1) await publish(`s.${n % 3}`, 'x'.repeat(100));
    return topology;
  }
  const deletedOf = async (topology: Topology) => {
    const [change] = await pendingOf(topology);
    return [change!.class, change!.messagesDeleted];
  };
  const stored = async () => (await account.stream('S'))!.state.messages;

  it.each<[string, object, number, object]>([
    ['max_msgs', { max_msgs: 4 }, 6, {}],
    ['max_bytes', { max_bytes: 700 }, 5, {}],
    ['max_msgs_per_subject', { max_msgs_per_subject: 2 }, 4, { max_msgs_per_subject: 5 }],
    ['discard old at a limit that was passed', { discard: 'old', max_msgs: 4 }, 6, { discard: 'new' }],
  ])(
    '%s: counted before, refused without leave, and then exactly so many',
    async (_, tighter, gone, live) => {
      const topology = await filled(tighter, 10, live);
      expect(await deletedOf(topology)).toEqual(['destructive', gone]);
      expect(await refusal(apply(topology))).toMatchObject({
        code: 'destructive-refused',
        kind: 'refused',
        details: { messagesDeleted: gone },
      });
      expect(await stored()).toBe(10);
      const notices: Notice[] = [];
      await apply(topology, true, { notify: (notice) => notices.push(notice) });
      expect(notices.map(({ code }) => code)).toEqual(['deleting-messages', 'change-applied']);
      await expect.poll(stored).toBe(10 - gone);
      expect(await pendingOf(topology)).toEqual([]);
    },
  );

  it('interest retention takes what every consumer has acked, and at once or later what nobody waits for', async () => {
    const topology = await filled({ retention: 'interest' }, 10);
    expect(await deletedOf(topology)).toEqual(['destructive', 10]);
    await account.createConsumer('S', { durable_name: 'd', ack_policy: 'explicit' });
    expect(await deletedOf(topology)).toEqual(['disruptive', 0]);
    const durable = await account.connection.jetstream().consumers.get('S', 'd');
    for await (const message of await durable.fetch({ max_messages: 4 })) await message.ackAck();
    expect(await deletedOf(topology)).toEqual(['destructive', 4]);
    await apply(topology, true);
    await expect.poll(stored).toBe(6);
  });

  it('counts what is older than a new max_age by the times of the messages; with gaps it says at most', async () => {
    const topology = await filled({}, 40);
    const standing = (await readLive(account, topology)).streams.get('S')!;
    standing.info.ts = new Date(Date.parse(standing.info.ts!) + 60_000).toISOString(); // as if read a minute later
    const times: number[] = [];
    for (let seq = 1; seq <= 40; seq += 1)
      times.push(Date.parse((await account.message('S', { seq }))!.time));
    const agedFrom = async (seq: number) => {
      const max_age = (Date.parse(standing.info.ts!) - times[seq - 1]!) * 1e6;
      return countDeletion(account, standing, { ...standing.info.config, max_age, duplicate_window: 0 });
    };
    const older = (seq: number) => times.filter((time) => time < times[seq - 1]!).length;
    for (const seq of [1, 2, 13, 30, 40]) expect((await agedFrom(seq)).messages).toBe(older(seq));
    await account.deleteMessage('S', 2);
    standing.info.state = (await account.stream('S'))!.state;
    const counted = await agedFrom(30);
    expect(counted.messages).toBe(older(30));
    expect(counted.why).toBe(`at most ${older(30)} older than maxAge allows`);
  });

  it('is not destructive where nothing goes', async () => {
    const topology = await filled({ max_msgs: 100, max_age: HOUR }, 3);
    expect(await deletedOf(topology)).toEqual(['disruptive', 0]);
    expect((await apply(topology)).length).toBe(1);
    expect(await stored()).toBe(3);
  });

  it('counts again right before it writes', async () => {
    const topology = await filled({ max_msgs: 5 }, 3);
    const plan = await makePlan(account, topology);
    for (let n = 0; n < 4; n += 1) await publish('s.more');
    const error = await refusal(applyPlan(account, plan, { allowDestructive: false, host: silentHost }));
    expect(error).toMatchObject({ code: 'destructive-refused', kind: 'refused' });
    expect(await stored()).toBe(7);
  });
});

describe('a plan file', () => {
  const saved = async (topology: Topology) =>
    readPlanFile(writePlanFile(await makePlan(account, topology)), 'plan.json');
  const check = async (topology: Topology, file: Awaited<ReturnType<typeof saved>>) =>
    refuseStale(file, await makePlan(account, topology));

  it('holds while counters move, and is refused once a configuration changed, naming it', async () => {
    const topology = athleteAlly();
    await apply(topology);
    topology.streams['AA_DLQ'] = { ...topology.streams['AA_DLQ'], description: 'new' };
    const file = await saved(topology);
    await publish('athlete-ally.hrv.raw-received');
    await publish('dlq.x');
    await check(topology, file);

    const core = (await account.stream('AA_CORE_HOT'))!.config;
    await account.updateStream({ ...core, description: 'touched' });
    expect(await refusal(check(topology, file))).toMatchObject({
      code: 'plan-stale',
      kind: 'refused',
      details: { changed: ['stream AA_CORE_HOT'] },
    });
    await account.updateStream(core);
    await check(topology, file);

    const durable = (await account.consumer('ATHLETE_ALLY_EVENTS', 'normalize-hrv-durable'))!.config;
    await account.updateConsumer('ATHLETE_ALLY_EVENTS', { ...durable, ack_wait: 5e9 });
    expect(await refusal(check(topology, file))).toMatchObject({
      details: { changed: ['consumer ATHLETE_ALLY_EVENTS/normalize-hrv-durable'] },
    });
  });

  it('is refused for another environment, topology, account or file', async () => {
    const topology = athleteAlly();
    const file = await saved(topology);
    const elsewhere = { ...topology, environment: { ...topology.environment, name: 'production' } };
    expect((await refusal(check(elsewhere, file))).message).toContain(
      'environment local, this is production',
    );
    const edited = { ...topology, streams: { ...topology.streams, AA_DLQ: { description: 'edited' } } };
    expect((await refusal(check(edited, file))).message).toContain('topology file');
    await apply(topology);
    const later = await saved(topology);
    for (const { config } of await account.listStreams()) await account.deleteStream(config.name);
    await apply(topology); // the same configurations, made anew: as another account would have them
    expect((await refusal(check(topology, later))).code).toBe('plan-stale');
    expect(() => readPlanFile('{}', 'x.json')).toThrow(/no plan of aa-ops/);
    expect(() => readPlanFile('nope', 'x.json')).toThrow(/not JSON/);
    expect(() => readPlanFile('{"kind":"aa-ops-plan","schemaVersion":9}', 'x')).toThrow(/schemaVersion 9/);
    expect(() => readPlanFile('{"kind":"aa-ops-plan","schemaVersion":1}', 'x')).toThrow(/missing/);
  });
});

describe('a reader', () => {
  it('has no way to write', async () => {
    const reader = await openReader({ servers: [server.url] });
    await makePlan(reader, athleteAlly());
    expect(Object.keys(reader).filter((name) => /create|update|delete|^api$|connection/.test(name))).toEqual(
      [],
    );
    await reader.close();
    expect(await account.listStreams()).toEqual([]);
  });
});
