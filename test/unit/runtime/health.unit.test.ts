import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Binding } from '../../../consumers-runtime/src/normalize/bind.ts';
import { healthRoutes, type HealthSources } from '../../../consumers-runtime/src/normalize/health.ts';

const binding: Binding = {
  stream: 'AA_CORE_HOT',
  durable: 'normalize-hrv-durable',
  subject: 'athlete-ally.hrv.raw-received',
  ackWaitMs: 60_000,
  maxDeliver: 5,
  limits: { messages: 0, bytes: 0, expiresMs: 0 },
  created: '2026-11-23T20:00:00Z',
  pending: 5,
  ackPending: 0,
  paused: false,
};

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
afterEach(() => void vi.useRealTimers());

async function healthAfter(ms: number, bound: Binding | undefined, lastBatchMs?: number) {
  const sources: HealthSources = {
    natsConnected: () => true,
    databaseConnected: () => true,
    binding: () => bound,
    sinceLastBatchMs: () => lastBatchMs,
    oldestHeldMs: () => 0,
    sinceProgressMs: () => 0,
    unburied: () => 0,
    stopping: () => false,
  };
  const route = healthRoutes(sources).find(({ path }) => path === '/health')!;
  vi.advanceTimersByTime(ms);
  const { status, json } = await route.handle(undefined as never);
  return { status, work: (json as { work: { paused: boolean | null } }).work };
}

describe('/health of a pod that has stored nothing for more than a minute', () => {
  it.each([
    ['while work waits', binding, 503],
    ['while nothing waits', { ...binding, pending: 0 }, 200],
    ['while its durable is paused, by the handover of a work queue', { ...binding, paused: true }, 200],
    ['that has found no durable', undefined, 503],
  ])('%s', async (_what, bound, expected) => {
    const { status, work } = await healthAfter(61_000, bound, 61_000);
    expect(status).toBe(expected);
    expect(work.paused).toBe(bound?.paused ?? null);
  });

  it('but did so a moment ago', async () => {
    expect(await healthAfter(61_000, binding, 59_000)).toMatchObject({ status: 200 });
  });
});

describe('/livez of a pod that has held a message for more than five minutes', () => {
  it.each([
    ['while no batch ends', 301_000, true, 503],
    ['while batches end', 1_000, true, 200], // rows that somebody has locked are worked one by one
    ['while the database is away', 301_000, false, 200],
  ])('%s', async (_what, sinceProgressMs, database, expected) => {
    const route = healthRoutes({
      natsConnected: () => true,
      databaseConnected: () => database,
      binding: () => binding,
      sinceLastBatchMs: () => undefined,
      oldestHeldMs: () => 301_000,
      unburied: () => 0,
      sinceProgressMs: () => sinceProgressMs,
      stopping: () => false,
    }).find(({ path }) => path === '/livez')!;
    expect((await route.handle(undefined as never)).status).toBe(expected);
  });
});
