import { describe, expect, it } from 'vitest';
import {
  type Change,
  type ConsumerInfo,
  desiredIn,
  diff,
  placeholderSubject,
  type PlanInput,
  readMode,
  type StreamInfo,
  throughWindow,
  type Topology,
} from '../../../topology/src/index.ts';
import { account, athleteAlly, consumerInfo, HOUR, streamInfo } from './fixtures.ts';

interface Given {
  topology?: Topology;
  streams?: StreamInfo[];
  consumers?: ConsumerInfo[];
  version?: string;
  clustered?: boolean;
  deletions?: PlanInput['deletions'];
  runOpen?: boolean;
}

function planOf({ topology = athleteAlly(), streams = [], consumers = [], ...rest }: Given) {
  const live = account(topology, streams, consumers, rest.version);
  if (rest.clustered) live.server.cluster = 'c1';
  const mode = readMode(topology, live);
  const desired = desiredIn(topology, mode.reference);
  return diff({
    topology,
    desired,
    live,
    mode,
    ...(rest.deletions ? { deletions: rest.deletions } : {}),
    ...(rest.runOpen ? { runOpen: true } : {}),
  });
}

/** Everything as it should stand in a mode, with what a test changes about one stream. */
function standing(
  mode = 'single',
  change: Record<string, Record<string, unknown>> = {},
  topology = athleteAlly(),
): StreamInfo[] {
  return desiredIn(topology, mode).streams.map(({ name, subjects, fields }) =>
    streamInfo({ name, subjects, ...fields, ...change[name] }),
  );
}
const durable = (stream: string, config: object = {}): ConsumerInfo =>
  consumerInfo(stream, {
    durable_name: 'normalize-hrv-durable',
    filter_subject: 'athlete-ally.hrv.raw-received',
    ack_wait: stream === 'AA_CORE_HOT' ? 60e9 : 30e9,
    max_deliver: 5,
    ...config,
  });
const changeOf = (plan: { changes: Change[] }, name: string) =>
  plan.changes.find((change) => change.name === name)!;
const pendingIn = (plan: { changes: Change[] }) => plan.changes.filter(({ action }) => action !== 'none');

/** One stream S and one durable d on it, in one mode. */
function one(fields: object, durableFields?: object, subjects = ['s.>']): Topology {
  return athleteAlly({
    streams: { S: fields },
    consumers: durableFields ? { d: durableFields } : {},
    modes: {
      single: {
        name: 'single',
        subjects: { S: subjects },
        consumers: durableFields ? { d: { stream: 'S', fields: {} } } : {},
      },
    },
  });
}
/** The change of S when its config goes from what is live to what the file says. */
function updateOf(live: object, desired: object, given: Omit<Given, 'topology' | 'streams'> = {}) {
  const streams = [streamInfo({ name: 'S', subjects: ['s.>'], ...live })];
  return changeOf(planOf({ topology: one(desired), streams, ...given }), 'S');
}

describe('the plan of an account', () => {
  it('makes everything of the initial mode where nothing stands, streams first, the closed ones with a placeholder', () => {
    const plan = planOf({});
    expect(plan.mode.live).toBe('none');
    expect(
      plan.changes.map(({ kind, name, action, class: severity }) => [kind, name, action, severity]),
    ).toEqual([
      ['stream', 'ATHLETE_ALLY_EVENTS', 'create', 'safe'],
      ['stream', 'AA_CORE_HOT', 'create', 'safe'],
      ['stream', 'AA_VENDOR_HOT', 'create', 'safe'],
      ['stream', 'AA_DLQ', 'create', 'safe'],
      ['consumer', 'normalize-hrv-durable', 'create', 'safe'],
    ]);
    expect(changeOf(plan, 'AA_CORE_HOT').reason).toContain('owns nothing in mode single');
    expect(plan.changes.find(({ name }) => name === 'AA_CORE_HOT')!.config).toMatchObject({
      subjects: ['_aa-ops.closed.AA_CORE_HOT'],
      max_age: 48 * HOUR,
    });
    expect(plan.summary).toEqual({ create: 5, update: 0, delete: 0, replace: 0, handover: 0, unchanged: 0 });
  });

  it('finds nothing to do in either mode where everything stands, left-over durables and placeholders included', () => {
    for (const [mode, stream] of [
      ['single', 'ATHLETE_ALLY_EVENTS'],
      ['multi', 'AA_CORE_HOT'],
    ] as const) {
      const other = stream === 'AA_CORE_HOT' ? [durable('ATHLETE_ALLY_EVENTS', { ack_wait: 1e9 })] : [];
      const plan = planOf({ streams: standing(mode), consumers: [durable(stream), ...other] });
      expect(plan.mode.live).toBe(mode);
      expect(pendingIn(plan)).toEqual([]);
      expect(plan.summary.unchanged).toBe(5);
      expect(plan.unmanaged).toEqual({ streams: [], consumers: [] });
    }
  });

  it('lists what the topology does not name and leaves it alone', () => {
    const extra = [
      streamInfo({ name: 'ORDERS', subjects: ['orders.>'] }),
      streamInfo({ name: 'KV_x', subjects: ['$KV.x.>'] }),
    ];
    const plan = planOf({
      streams: [...standing(), ...extra],
      consumers: [durable('ATHLETE_ALLY_EVENTS'), consumerInfo('AA_DLQ', { durable_name: 'replayer' })],
    });
    expect(pendingIn(plan)).toEqual([]);
    expect(plan.unmanaged).toEqual({
      streams: ['ORDERS'],
      consumers: [{ stream: 'AA_DLQ', name: 'replayer' }],
    });
  });

  it('does not take for drift what a migration needs for itself', () => {
    const source = {
      name: 'ATHLETE_ALLY_EVENTS',
      opt_start_seq: 7,
      subject_transforms: [
        { src: 'athlete-ally.>', dest: '' },
        { src: '_aa-ops.epoch.run1.ATHLETE_ALLY_EVENTS.*', dest: '' },
      ],
    };
    const streams = standing('single', { AA_CORE_HOT: { sources: [source], duplicate_window: 1e8 } });
    const consumers = [durable('ATHLETE_ALLY_EVENTS'), durable('AA_CORE_HOT')];
    expect(pendingIn(planOf({ streams, consumers, runOpen: true }))).toEqual([]);
    expect(pendingIn(planOf({ streams, consumers })).map(({ name }) => name)).toEqual(['AA_CORE_HOT']);
  });
});

describe('normalizing', () => {
  it.each([
    [
      'lists are sets',
      { sources: [{ name: 'A' }, { name: 'B' }] },
      { sources: [{ name: 'B' }, { name: 'A' }] },
    ],
    ['the server writes metadata', {}, { metadata: {} }],
    [
      'a source remembers where it started',
      { sources: [{ name: 'A', opt_start_seq: 5 }] },
      { sources: [{ name: 'A' }] },
    ],
    ['a short age shortens the window', { max_age: 60e9, duplicate_window: 60e9 }, { max_age: 60e9 }],
    ['republish of everything', { republish: { src: '>', dest: 'r.>' } }, { republish: { dest: 'r.>' } }],
    ['0 is no limit', {}, { max_msgs: 0, max_bytes: -1 }],
    ['a stream remembers its first sequence', { first_seq: 100 }, {}],
    ['unknown fields of a newer server', { allow_msg_schedules: true, persist_mode: 'async' }, {}],
  ])('is not drift: %s', (_, live, desired) => {
    expect(updateOf(live, desired)).toMatchObject({ action: 'none', fields: [] });
  });

  it('takes what is unset for the server default, and resets it', () => {
    const change = updateOf(
      { description: 'by hand', max_msgs: 5, republish: { src: '>', dest: 'r.>' }, allow_direct: true },
      {},
    );
    expect(change.fields).toEqual([
      { path: 'description', before: 'by hand', after: null },
      { path: 'maxMsgs', before: 5, after: 'unlimited' },
      { path: 'allowDirect', before: true, after: false },
      { path: 'republish', before: { src: '>', dest: 'r.>' }, after: null },
    ]);
    const { config } = change as unknown as { config: Record<string, unknown> };
    expect(config).toMatchObject({ max_msgs: -1, allow_direct: false, description: '' });
    expect(config).not.toHaveProperty('republish');
  });

  it('keeps unknown fields and the server metadata when it writes', () => {
    const change = updateOf({ allow_msg_schedules: true, metadata: { a: '1' } }, { metadata: { b: '2' } });
    expect(change).toMatchObject({
      action: 'update',
      config: { allow_msg_schedules: true, metadata: { '_nats.ver': '2.15.1', b: '2' } },
    });
    expect((change as unknown as { config: { metadata: object } }).config.metadata).not.toHaveProperty('a');
  });

  it('reads a durable with one filter, back-off and inherited limits as what it is', () => {
    const durableFields = {
      filter_subjects: ['s.a'],
      ack_policy: 'explicit',
      backoff: [1e9, 5e9],
      max_deliver: 3,
    };
    const topology = one({ consumer_limits: { max_ack_pending: 50 } }, durableFields);
    const streams = [streamInfo({ name: 'S', subjects: ['s.>'], consumer_limits: { max_ack_pending: 50 } })];
    const live = consumerInfo('S', {
      durable_name: 'd',
      filter_subject: 's.a',
      backoff: [1e9, 5e9],
      ack_wait: 1e9,
      max_deliver: 3,
      max_ack_pending: 50,
      deliver_policy: 'by_start_sequence',
      opt_start_seq: 12,
    });
    expect(pendingIn(planOf({ topology, streams, consumers: [live] }))).toEqual([]);
  });
});

describe('the class of a change to a stream', () => {
  it.each<[string, object, object, string, string, string]>([
    ['a description', {}, { description: 'x' }, 'update', 'safe', '2.15.1'],
    ['a longer age', { max_age: HOUR }, { max_age: 2 * HOUR }, 'update', 'safe', '2.15.1'],
    ['a shorter age that deletes nothing', {}, { max_age: HOUR }, 'update', 'disruptive', '2.15.1'],
    ['storage', {}, { storage: 'memory' }, 'replace', 'handover', '2.15.1'],
    ['to work queue', {}, { retention: 'workqueue' }, 'replace', 'handover', '2.15.1'],
    ['from work queue', { retention: 'workqueue' }, {}, 'replace', 'handover', '2.15.1'],
    ['limits to interest', {}, { retention: 'interest' }, 'update', 'disruptive', '2.15.1'],
    ['deny_delete on', {}, { deny_delete: true }, 'update', 'disruptive', '2.15.1'],
    ['deny_delete off', { deny_delete: true }, {}, 'replace', 'handover', '2.15.1'],
    [
      'unsealing',
      { sealed: true, discard: 'new', deny_delete: true, deny_purge: true },
      {},
      'replace',
      'handover',
      '2.15.1',
    ],
    ['max_consumers on 2.12', {}, { max_consumers: 5 }, 'replace', 'handover', '2.12.1'],
    ['max_consumers on 2.14', { max_consumers: 3 }, { max_consumers: 5 }, 'update', 'safe', '2.14.0'],
    [
      'another mirror',
      { mirror: { name: 'A' }, subjects: [] },
      { mirror: { name: 'B' } },
      'replace',
      'handover',
      '2.15.1',
    ],
    [
      'promoting a mirror on 2.11',
      { mirror: { name: 'A' }, subjects: [] },
      {},
      'replace',
      'handover',
      '2.11.9',
    ],
    [
      'promoting a mirror on 2.12',
      { mirror: { name: 'A' }, subjects: [] },
      {},
      'update',
      'disruptive',
      '2.12.1',
    ],
    ['replicas alone on 2.15', {}, { num_replicas: 3 }, 'update', 'impossible', '2.15.1'],
    ['replicas alone on 2.10', {}, { num_replicas: 3 }, 'update', 'safe', '2.10.26'],
    ['a TTL on 2.10', {}, { allow_msg_ttl: true }, 'update', 'impossible', '2.10.26'],
    ['a TTL on 2.11', {}, { allow_msg_ttl: true }, 'update', 'safe', '2.11.9'],
    ['a TTL taken back', { allow_msg_ttl: true }, {}, 'replace', 'handover', '2.15.1'],
    ['a source added', {}, { sources: [{ name: 'A' }], duplicate_window: 120e9 }, 'update', 'safe', '2.15.1'],
    ['a source taken away', { sources: [{ name: 'A' }] }, {}, 'update', 'disruptive', '2.15.1'],
  ])('%s', (_, live, desired, action, severity, version) => {
    expect(updateOf(live, desired, { version })).toMatchObject({ action, class: severity });
  });

  it('is safe for replicas in a cluster, and impossible for a new stream with replicas on a server alone', () => {
    expect(updateOf({}, { num_replicas: 3 }, { clustered: true })).toMatchObject({ class: 'safe' });
    const made = planOf({ topology: one({ num_replicas: 3 }) });
    expect(changeOf(made, 'S')).toMatchObject({ action: 'create', class: 'impossible' });
    expect(changeOf(made, 'S').reason).toContain('10074');
  });

  it('says of interest that becomes limits that a late replica drops what the others keep, where there are replicas', () => {
    const options = { clustered: true };
    expect(updateOf({ retention: 'interest' }, {}, options).reason).not.toContain('replica');
    const replicated = updateOf({ retention: 'interest', num_replicas: 3 }, { num_replicas: 3 }, options);
    expect(replicated).toMatchObject({ action: 'update', class: 'disruptive' });
    expect(replicated.reason).toContain('a replica that hears of it late');
  });

  it('is destructive where messages go, with their number', () => {
    const deletions = new Map([['S', { messages: 12, why: '12 older than maxAge allows' }]]);
    expect(updateOf({}, { max_age: HOUR }, { deletions })).toMatchObject({
      action: 'update',
      class: 'destructive',
      messagesDeleted: 12,
      fields: [{ path: 'maxAge', before: 'unlimited', after: '1h' }],
      reason: expect.stringContaining('12 older than maxAge allows') as unknown,
    });
  });

  it('is impossible where a consumer is above new limits', () => {
    const plan = planOf({
      topology: one({ consumer_limits: { max_ack_pending: 10 } }),
      streams: [streamInfo({ name: 'S', subjects: ['s.>'] })],
      consumers: [consumerInfo('S', { durable_name: 'hungry', max_ack_pending: 1000 })],
    });
    expect(changeOf(plan, 'S')).toMatchObject({ class: 'impossible' });
    expect(changeOf(plan, 'S').reason).toContain('hungry');
  });
});

describe('subjects', () => {
  const subjects = (names: string[], topology = athleteAlly()): Topology => ({
    ...topology,
    modes: {
      ...topology.modes,
      single: {
        ...topology.modes['single']!,
        subjects: { ...topology.modes['single']!.subjects, ATHLETE_ALLY_EVENTS: names },
      },
    },
  });

  it('that their stream hears by another filter afterwards go through a window', () => {
    const change = (before: string[], after: string[]) => {
      const plan = planOf({
        topology: one({}, undefined, after),
        streams: [streamInfo({ name: 'S', subjects: before })],
      });
      const [found] = plan.changes.filter(({ name }) => name === 'S');
      return { ...found!, through: throughWindow(found!) };
    };
    const wider = change(['s.a', 't.>'], ['s.>', 't.>']);
    expect(wider).toMatchObject({ action: 'update', class: 'safe', through: true });
    expect(wider.reason).toContain('window');
    const narrower = change(['s.>'], ['s.a', 's.b']);
    expect(narrower).toMatchObject({ action: 'update', class: 'disruptive', through: true });
    expect(narrower.reason).toMatch(/s\.> has no other owner.*window/);
    expect(change(['s.a'], ['s.a', 's.b'])).toMatchObject({ class: 'safe', through: false });
    expect(change(['s.a'], ['s.b'])).toMatchObject({ class: 'disruptive', through: false });
  });

  it('that nobody else hears are added and dropped in place', () => {
    const added = changeOf(
      planOf({
        topology: one({}, undefined, ['s.>', 't.>']),
        streams: [streamInfo({ name: 'S', subjects: ['s.>'] })],
      }),
      'S',
    );
    expect(added).toMatchObject({
      action: 'update',
      class: 'safe',
      fields: [{ path: 'subjects', before: ['s.>'], after: ['s.>', 't.>'] }],
    });
    const dropped = changeOf(
      planOf({
        topology: one({}, undefined, ['s.>']),
        streams: [streamInfo({ name: 'S', subjects: ['s.>', 't.>'] })],
      }),
      'S',
    );
    expect(dropped).toMatchObject({ action: 'update', class: 'disruptive' });
    expect(dropped.reason).toContain('t.> has no other owner');
  });

  it('that another stream of the topology hears are a handover, on both streams, with the command to type', () => {
    const topology = subjects(['athlete-ally.>', 'vendor.oura.>']);
    topology.streams['AA_SLEEP'] = {};
    topology.modes['single']!.subjects['AA_SLEEP'] = ['sleep.deep'];
    const plan = planOf({ topology, streams: standing(), consumers: [durable('ATHLETE_ALLY_EVENTS')] });
    expect(plan.mode.live).toBe('single');
    expect(
      pendingIn(plan).map(({ name, action, class: severity, hint }) => [name, action, severity, hint]),
    ).toEqual([
      ['ATHLETE_ALLY_EVENTS', 'handover', 'handover', 'aa-ops migrate --to single'],
      ['AA_SLEEP', 'handover', 'handover', 'aa-ops migrate --to single'],
    ]);
    expect(changeOf(plan, 'AA_SLEEP').reason).toContain(
      'AA_SLEEP takes sleep.deep over from ATHLETE_ALLY_EVENTS, which hears sleep.*',
    );
    expect(plan.summary).toMatchObject({ handover: 2, create: 0 });
  });

  it('that a stream made by hand hears are impossible, with what to do', () => {
    const byHand = streamInfo({ name: 'MINE', subjects: ['athlete-ally.hrv.*'] });
    const change = changeOf(planOf({ streams: [byHand] }), 'ATHLETE_ALLY_EVENTS');
    expect(change).toMatchObject({ action: 'create', class: 'impossible' });
    expect(change.reason).toContain('athlete-ally.> (MINE hears athlete-ally.hrv.*)');
    expect(change.hint).toContain('MINE');
  });

  it('give a stream that was closed by hand its own back', () => {
    const streams = standing('single', { AA_DLQ: { subjects: [placeholderSubject('AA_DLQ')] } });
    const change = changeOf(planOf({ streams, consumers: [durable('ATHLETE_ALLY_EVENTS')] }), 'AA_DLQ');
    expect(change).toMatchObject({ action: 'update', class: 'safe' });
    expect((change as unknown as { config: { subjects: string[] } }).config.subjects).not.toContain(
      placeholderSubject('AA_DLQ'),
    );
  });

  it('shows a mixed account against the nearest mode', () => {
    const streams = standing('single', {
      ATHLETE_ALLY_EVENTS: { subjects: ['vendor.oura.>'] },
      AA_CORE_HOT: { subjects: ['athlete-ally.>', 'sleep.*'] },
    });
    const plan = planOf({ streams, consumers: [durable('ATHLETE_ALLY_EVENTS')] });
    expect(plan.mode).toMatchObject({ live: 'mixed' });
    expect(pendingIn(plan).length).toBeGreaterThan(0);
  });
});

describe('the class of a change to a durable', () => {
  const base = { filter_subjects: ['s.a'], ack_policy: 'explicit' as const, ack_wait: 30e9, max_deliver: 5 };
  const change = (live: object, desired: object, version = '2.15.1') =>
    changeOf(
      planOf({
        topology: one({}, { ...base, ...desired }),
        streams: [streamInfo({ name: 'S', subjects: ['s.>'] })],
        consumers: [consumerInfo('S', { durable_name: 'd', ...base, ...live })],
        version,
      }),
      'd',
    );

  it.each<[string, object, object, string, string, string]>([
    ['a longer ack wait', {}, { ack_wait: 60e9 }, 'update', 'safe', '2.15.1'],
    ['a shorter ack wait', {}, { ack_wait: 10e9 }, 'update', 'disruptive', '2.15.1'],
    ['fewer deliveries', {}, { max_deliver: 3 }, 'update', 'disruptive', '2.15.1'],
    ['another filter', {}, { filter_subjects: ['s.a', 's.b'] }, 'update', 'disruptive', '2.15.1'],
    ['the ack policy', {}, { ack_policy: 'all' }, 'replace', 'handover', '2.15.1'],
    ['replay', {}, { replay_policy: 'original' }, 'replace', 'handover', '2.15.1'],
    ['waiting pulls', {}, { max_waiting: 10 }, 'replace', 'handover', '2.15.1'],
    ['push to pull', { deliver_subject: 'x.y', max_waiting: 0 }, {}, 'replace', 'handover', '2.15.1'],
    ['memory on 2.14', {}, { mem_storage: true }, 'update', 'disruptive', '2.14.0'],
    ['memory on 2.15', {}, { mem_storage: true }, 'replace', 'handover', '2.15.1'],
    ['where it starts', { deliver_policy: 'new' }, { deliver_policy: 'all' }, 'none', 'safe', '2.15.1'],
    ['replicas as many as its stream', { num_replicas: 1 }, {}, 'none', 'safe', '2.15.1'],
  ])('%s', (_, live, desired, action, severity, version) => {
    expect(change(live, desired, version)).toMatchObject({ action, class: severity });
  });

  it('is a handover where it stands on another stream, because making it anew loses its position', () => {
    const plan = planOf({ streams: standing('multi'), consumers: [durable('ATHLETE_ALLY_EVENTS')] });
    expect(plan.mode.live).toBe('multi');
    expect(changeOf(plan, 'normalize-hrv-durable')).toMatchObject({
      action: 'handover',
      class: 'handover',
      stream: 'AA_CORE_HOT',
      hint: 'aa-ops rollback, then aa-ops migrate --to multi: only a way back knows where it has to go on',
    });
  });

  it('drops the old filter form when it writes filters', () => {
    const made = change({ filter_subject: 's.old', filter_subjects: undefined }, {});
    expect((made as unknown as { config: object }).config).toMatchObject({ filter_subjects: ['s.a'] });
    expect((made as unknown as { config: object }).config).not.toHaveProperty('filter_subject');
  });
});
