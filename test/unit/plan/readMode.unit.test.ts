import { describe, expect, it } from 'vitest';
import { placeholderSubject, readMode, type Topology } from '../../../topology/src/index.ts';
import { account, athleteAlly, consumerInfo, streamInfo } from './fixtures.ts';

/** Reads the mode of an account whose streams own these subjects. */
function modeOf(owners: Record<string, string[]>, topology: Topology = athleteAlly()) {
  const streams = Object.entries(owners).map(([name, subjects]) => streamInfo({ name, subjects }));
  return readMode(topology, account(topology, streams));
}
const legacy = ['athlete-ally.>', 'vendor.oura.>', 'sleep.*'];
const core = ['athlete-ally.>', 'sleep.*'];
const closed = (name: string) => [placeholderSubject(name)];

/** Two streams that change subjects with each other; `modes` gives [S1, S2] per mode. */
function two(modes: Record<string, [string[], string[]]>): Topology {
  return athleteAlly({
    environment: { ...athleteAlly().environment, initialMode: Object.keys(modes)[0]! },
    streams: { S1: {}, S2: {} },
    consumers: {},
    modes: Object.fromEntries(
      Object.entries(modes).map(([name, [s1, s2]]) => [
        name,
        { name, subjects: { S1: s1, S2: s2 }, consumers: {} },
      ]),
    ),
  });
}

describe('the mode is read from who owns which subject', () => {
  it('is none where no stream that decides stands', () => {
    expect(modeOf({})).toEqual({ live: 'none', reference: 'single', differences: [] });
    expect(modeOf({ AA_DLQ: ['dlq.>'] }).live).toBe('none');
  });

  it('is the mode whose subjects the streams own exactly, in any order', () => {
    expect(modeOf({ ATHLETE_ALLY_EVENTS: [...legacy].reverse() }).live).toBe('single');
    expect(modeOf({ AA_CORE_HOT: core, AA_VENDOR_HOT: ['vendor.>'] }).live).toBe('multi');
  });

  it('takes a placeholder for owning nothing', () => {
    const single = { ATHLETE_ALLY_EVENTS: legacy, AA_CORE_HOT: closed('AA_CORE_HOT') };
    expect(modeOf(single)).toEqual({ live: 'single', reference: 'single', differences: [] });
    const multi = { AA_CORE_HOT: core, AA_VENDOR_HOT: ['vendor.>', '_aa-ops.in.AA_VENDOR_HOT.>'] };
    expect(modeOf({ ...multi, ATHLETE_ALLY_EVENTS: closed('ATHLETE_ALLY_EVENTS') }).live).toBe('multi');
  });

  it('is mixed half way through a migration, and says which stream differs from which mode', () => {
    const reading = modeOf({
      ATHLETE_ALLY_EVENTS: ['vendor.oura.>'],
      AA_CORE_HOT: core,
      AA_VENDOR_HOT: closed('AA_VENDOR_HOT'),
    });
    expect(reading.live).toBe('mixed');
    expect(reading.differences).toEqual(
      [
        { mode: 'single', stream: 'ATHLETE_ALLY_EVENTS', missing: core, extra: [] },
        { mode: 'single', stream: 'AA_CORE_HOT', missing: [], extra: core },
        { mode: 'multi', stream: 'ATHLETE_ALLY_EVENTS', missing: [], extra: ['vendor.oura.>'] },
        { mode: 'multi', stream: 'AA_VENDOR_HOT', missing: ['vendor.>'], extra: [] },
      ].map((one) =>
        expect.objectContaining({ ...one, missing: expect.arrayContaining(one.missing) as unknown }),
      ),
    );
  });

  it('is mixed while nobody owns the subjects', () => {
    expect(
      modeOf({ ATHLETE_ALLY_EVENTS: closed('ATHLETE_ALLY_EVENTS'), AA_CORE_HOT: closed('AA_CORE_HOT') }).live,
    ).toBe('mixed');
    const topology = two({ a: [['x.a', 'x.b'], ['x.c']], b: [['x.a'], ['x.b', 'x.c']] });
    expect(modeOf({ S1: ['x.a'], S2: ['x.c'] }, topology).live).toBe('mixed');
  });

  it('recognises the mode whose file moved subjects inside it', () => {
    const reading = modeOf({ ATHLETE_ALLY_EVENTS: [...legacy, 'old.>'], AA_CORE_HOT: closed('AA_CORE_HOT') });
    expect(reading).toEqual({
      live: 'single',
      reference: 'single',
      differences: [{ mode: 'single', stream: 'ATHLETE_ALLY_EVENTS', missing: [], extra: ['old.>'] }],
    });
    const moved = { AA_CORE_HOT: ['athlete-ally.>'], AA_VENDOR_HOT: ['vendor.>', 'sleep.*'] };
    expect(modeOf({ ...moved, ATHLETE_ALLY_EVENTS: closed('ATHLETE_ALLY_EVENTS') }).live).toBe('multi');
    expect(modeOf(moved).live).toBe('multi');
  });

  it('recognises a mode that lost a stream', () => {
    expect(modeOf({ AA_CORE_HOT: core, ATHLETE_ALLY_EVENTS: closed('ATHLETE_ALLY_EVENTS') }).live).toBe(
      'multi',
    );
  });

  it('lets agreement decide between modes with the same owners, and gives up on a tie', () => {
    const topology = two({ a: [['x.a'], ['x.b']], b: [['x.b'], ['x.a']] });
    expect(modeOf({ S1: ['x.a', 'x.n'], S2: ['x.b', 'x.m'] }, topology).live).toBe('a');
    expect(modeOf({ S1: ['x.b', 'x.n'], S2: ['x.a', 'x.m'] }, topology).live).toBe('b');
    expect(modeOf({ S1: ['x.n'], S2: ['x.m'] }, topology).live).toBe('mixed');
  });

  it('tells modes that own the same by where the durables are', () => {
    const base = athleteAlly();
    const mode = (name: string, stream: string) => ({
      name,
      subjects: { S1: ['x.a'], S2: ['x.b'] },
      consumers: { d: { stream, fields: {} } },
    });
    const topology: Topology = {
      ...base,
      environment: { ...base.environment, initialMode: 'a' },
      streams: { S1: {}, S2: {} },
      consumers: { d: {} },
      modes: { a: mode('a', 'S1'), b: mode('b', 'S2') },
    };
    const streams = [
      streamInfo({ name: 'S1', subjects: ['x.a'] }),
      streamInfo({ name: 'S2', subjects: ['x.b'] }),
    ];
    const on = (...names: string[]) =>
      readMode(
        topology,
        account(
          topology,
          streams,
          names.map((name) => consumerInfo(name, { durable_name: 'd' })),
        ),
      );
    expect(on('S2').live).toBe('b');
    expect(on('S1', 'S2').live).toBe('a');
    expect(readMode(topology, account(topology, [])).live).toBe('none');
  });

  it('survives streams named like parts of an object', () => {
    const topology = athleteAlly({
      streams: { constructor: {}, other: {} },
      modes: {
        single: { name: 'single', subjects: { constructor: ['x'] }, consumers: {} },
        multi: { name: 'multi', subjects: { other: ['x'] }, consumers: {} },
      },
    });
    expect(modeOf({ other: ['x'], constructor: closed('constructor') }, topology).live).toBe('multi');
  });
});
