import { Registry } from 'prom-client';
import { expect, it } from 'vitest';
import type { Binding } from '../../../consumers-runtime/src/normalize/bind.ts';
import { createNormalizeMetrics } from '../../../consumers-runtime/src/normalize/metrics.ts';

it('a pod without a durable exports no sample of what it cannot know, and no NaN that would silence a sum', async () => {
  const registry = new Registry();
  let binding: Binding | undefined;
  createNormalizeMetrics(registry, 'durable', {
    binding: () => binding,
    oldestHeldMs: () => 0,
    held: () => 0,
  });
  const samples = async (): Promise<string[]> =>
    (await registry.metrics())
      .split('\n')
      .filter((line) => /^normalize_hrv_(held|pending|ack_pending) /.test(line));

  expect(await samples()).toEqual(['normalize_hrv_held 0']);
  binding = { pending: 7, ackPending: 0 } as Binding;
  expect(await samples()).toEqual([
    'normalize_hrv_pending 7',
    'normalize_hrv_ack_pending 0',
    'normalize_hrv_held 0',
  ]);
  binding = undefined;
  expect(await samples()).toEqual(['normalize_hrv_held 0']);
  expect(await registry.metrics()).not.toMatch(/^normalize_\S+ NaN/im);
});
