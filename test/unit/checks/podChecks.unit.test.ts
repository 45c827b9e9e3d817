import { describe, expect, test } from 'vitest';
import { logBinding } from '../../../cli/src/checks/bindingLogChecks.ts';
import { health } from '../../../cli/src/checks/healthChecks.ts';
import { configMap, podsReady } from '../../../cli/src/checks/podChecks.ts';
import type { Pod } from '../../../cli/src/platform/platform.ts';
import { contextOf, fakePlatform, podOf } from './fakes.ts';

const HOUR = 3_600_000;
const podsOf = (normalize: Partial<Pod>[]) =>
  fakePlatform({
    pods: async ({ name }) =>
      name === 'normalize-service'
        ? normalize.map((changes, n) => podOf(`${name}-${n}`, changes))
        : [podOf(`${name}-0`)],
  });

describe('pods-ready', () => {
  test.each([
    ['green', 'all ready', [{}, {}], 'normalize-service 2/2 ready, ingest-service 1/1 ready'],
    ['yellow', 'one not ready', [{ ready: false }, {}], 'normalize-service-0 not'],
    ['red', 'none ready', [{ ready: false }, { ready: false }], 'normalize-service 0/2 ready'],
    ['red', 'no pod at all', [], 'normalize-service 0/0 ready'],
    [
      'red',
      'a crash loop',
      [{ ready: false, crashLoop: true, restarts: 4 }, {}],
      'crashes again and again (4 restarts)',
    ],
    ['yellow', 'a restart just now', [{ restarts: 1 }, {}], 'normalize-service-0 started again'],
    [
      'green',
      'a restart long ago',
      [{ restarts: 1, startedAt: new Date(Date.now() - HOUR).toISOString() }, {}],
      '2/2',
    ],
  ] as const)('%s: %s', async (level, _what, pods, evidence) => {
    const finding = await podsReady.run(contextOf(podsOf([...pods])));
    expect(finding).toMatchObject({ level, evidence: expect.stringContaining(evidence) as string });
  });

  test('a crash loop is not waited for', async () => {
    let looks = 0;
    const platform = fakePlatform({
      pods: async ({ name }) => {
        looks++;
        return [podOf(`${name}-0`, { ready: false, crashLoop: true })];
      },
    });
    expect((await podsReady.run(contextOf(platform, { timeoutMs: 60_000 }))).level).toBe('red');
    expect(looks).toBe(2); // one for each workload
  });

  test('a pod that is on its way is waited for', async () => {
    let looks = 0;
    const platform = fakePlatform({
      pods: async ({ name }) => [podOf(`${name}-0`, { ready: ++looks > 4 })],
    });
    expect((await podsReady.run(contextOf(platform, { timeoutMs: 60_000 }))).level).toBe('green');
  });
});

describe('config-map', () => {
  const GOOD = { EVENT_STREAM_MODE: 'multi', EXTRA: 'on' };
  test.each([
    ['green', GOOD],
    ['green', { ...GOOD, FEATURE_SERVICE_MANAGES_CONSUMERS: 'false' }],
    ['red', { ...GOOD, FEATURE_SERVICE_MANAGES_CONSUMERS: 'true' }],
    ['red', { ...GOOD, FEATURE_SERVICE_MANAGES_STREAMS: '1' }],
    ['red', { ...GOOD, EVENT_STREAM_MODE: 'single' }],
    ['red', { EXTRA: 'on' }],
    ['yellow', { EVENT_STREAM_MODE: 'multi', EXTRA: 'off' }],
    ['red', {}],
  ] as const)('%s: %o', async (level, data) => {
    const platform = fakePlatform({ readMode: async () => ({ mode: undefined, data: { ...data } }) });
    expect((await configMap.run(contextOf(platform))).level).toBe(level);
  });
});

describe('log-binding', () => {
  const start = '[event-bus] Stream mode: multi (EVENT_STREAM_MODE="multi")';
  const onto = (stream: string) =>
    `[normalize] Found existing HRV consumer on ${stream}: normalize-hrv-durable`;
  const none = 'Failed to find HRV consumer on any available stream';
  const platformOf = (lines: string[], pod: Partial<Pod> = {}, work: string | null = null) =>
    fakePlatform({
      pods: async ({ name }) => [podOf(`${name}-0`, pod)],
      logs: async ({ name }) => [{ pod: `${name}-0`, lines }],
      get: async () => ({
        status: 200,
        body: JSON.stringify({ work: { stream: work, durable: 'normalize-hrv-durable' } }),
      }),
    });
  const old = { startedAt: new Date(Date.now() - HOUR).toISOString() };
  const looks = { ...old, ready: true };

  test.each([
    ['green', 'bound where it should be', platformOf([start, onto('AA_CORE_HOT')]), {}],
    ['yellow', 'on the fallback since a moment', platformOf([start, onto('ATHLETE_ALLY_EVENTS')]), {}],
    ['red', 'on the fallback for too long', platformOf([start, onto('ATHLETE_ALLY_EVENTS')], old), {}],
    [
      'red',
      'on the fallback before the handover',
      platformOf([start, onto('ATHLETE_ALLY_EVENTS')]),
      { ownedIn: 'single' },
    ],
    ['red', 'bound nowhere', platformOf([start, none]), {}],
    ['red', 'not said yet', platformOf([start], { ready: false }), {}],
    ['green', 'a log without its start, but its health says so', platformOf(['x'], looks, 'AA_CORE_HOT'), {}],
    [
      'red',
      'a log without its start, and its health says another',
      platformOf(['x'], looks, 'ATHLETE_ALLY_EVENTS'),
      {},
    ],
    ['yellow', 'a log without its start, and health says nothing', platformOf(['x'], looks), {}],
    ['red', 'no pod', fakePlatform({ logs: async () => [] }), {}],
  ] as const)('%s: %s', async (level, _what, platform, changes) => {
    expect((await logBinding.run(contextOf(platform, changes))).level).toBe(level);
  });
});

test('checks of pods have nothing to look at on platform none', async () => {
  const none = fakePlatform({ kind: 'none' });
  for (const check of [podsReady, configMap, health, logBinding]) {
    expect(await check.run(contextOf(none))).toEqual({
      level: 'green',
      evidence: 'skipped: platform none, no pods are managed here',
      skipped: true,
    });
  }
});
