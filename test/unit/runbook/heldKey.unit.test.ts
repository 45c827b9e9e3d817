import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, expect, it, vi } from 'vitest';
import { OpsError } from '@aa-ops/topology';
import { type HeldKey, holdKey } from '../../../cli/src/saga/heldKey.ts';
import { leaseLost } from '../../../cli/src/saga/lease.ts';
import { thisMoment } from '../../../cli/src/saga/moment.ts';

const TRUST_MS = 7_000;

let held: HeldKey | undefined;
let told: string[] = [];
afterEach(async () => {
  await held?.end();
  told = [];
  vi.restoreAllMocks();
});

/** A key that was renewed `agoMs` ago, and whose server is away until `isBack`; renewed by nobody but who asks for it. */
function keyOf(server: { isBack: boolean; owner: string }, agoMs: number): HeldKey {
  let revision = 1;
  const { running, wall } = thisMoment();
  held = holdKey({
    async write(expected) {
      if (!server.isBack) throw new OpsError('nats-lost', 'away');
      if (server.owner !== 'us' || expected !== revision)
        throw new OpsError('state-conflict', 'another was first');
      return ++revision;
    },
    read: () => Promise.resolve({ value: { owner: server.owner }, revision } as never),
    isOurs: (value) => (value as { owner: string }).owner === 'us',
    first: { revision, asked: { running: running - agoMs, wall: wall - agoMs } },
    renewMs: 60_000,
    trustMs: TRUST_MS,
    lostError: leaseLost,
    awayError: (ms, last) => new OpsError('state-away', `${ms}: ${String(last)}`),
    onAway: () => told.push('away'),
    onBack: () => told.push('back'),
  });
  return held;
}

const settled = async (work: Promise<void>): Promise<boolean> => {
  const waits = Symbol('waits');
  return (await Promise.race([work, delay(200, waits)])) !== waits;
};

it('is asserted without a word to the server, as long as its last renewal is trusted', async () => {
  await expect(keyOf({ isBack: false, owner: 'us' }, TRUST_MS - 1_000).assertHeld()).resolves.toBeUndefined();
});

it('is asserted once a server that was away for longer than it is trusted says that it is ours', async () => {
  const server = { isBack: false, owner: 'us' };
  const key = keyOf(server, TRUST_MS);
  const asserted = key.assertHeld();
  expect(await settled(asserted)).toBe(false);
  server.isBack = true;
  await expect(asserted).resolves.toBeUndefined();
});

it('is lost where another had it meanwhile, and not before that is known', async () => {
  const server = { isBack: false, owner: 'us' };
  const key = keyOf(server, TRUST_MS);
  const asserted = key.assertHeld();
  expect(await settled(asserted.catch(() => {}))).toBe(false);
  Object.assign(server, { isBack: true, owner: 'another' });
  await expect(asserted).rejects.toMatchObject({
    code: 'lease-lost',
    message: expect.stringContaining('first'),
  });
});

it('is given up once no server has told for 30 s, and at once from then on', async () => {
  const server = { isBack: false, owner: 'us' };
  const key = keyOf(server, TRUST_MS);
  const begun = performance.now();
  const wall = Date.now();
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => begun + (Date.now() - wall) * 100); // time flies
  await expect(key.assertHeld()).rejects.toMatchObject({
    code: 'state-away',
    message: expect.stringContaining('away'),
  });
  const stands = performance.now();
  clock.mockReturnValue(stands);
  await expect(key.assertHeld()).rejects.toMatchObject({ code: 'state-away' });
  await expect(key.confirm()).rejects.toMatchObject({ code: 'state-away' });
  expect(told).toEqual(['away']);
  server.isBack = true;
  await expect(key.confirm()).resolves.toBeUndefined();
  expect(told).toEqual(['away', 'back']);
});
