import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createPublishHealth } from '../../../consumers-runtime/src/ingest/publishHealth.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
afterEach(() => void vi.useRealTimers());

test('three failures in a row are failing, for a minute after the last', () => {
  const health = createPublishHealth();
  for (const why of ['first', 'second']) health.record(false, why);
  health.record(true);
  for (const why of ['first', 'second']) health.record(false, why);
  expect(health.failing()).toBeUndefined();
  health.record(false, 'third');
  expect(health.failing()).toBe('third');
  vi.advanceTimersByTime(59_000);
  expect(health.failing()).toBe('third');
  vi.advanceTimersByTime(2_000);
  expect(health.failing()).toBeUndefined();
});
