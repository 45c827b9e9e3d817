import { expect, it } from 'vitest';
import { renderStatus } from '../../../cli/src/render/status.ts';
import { withRates } from '../../../cli/src/status/rates.ts';
import type { Status } from '../../../cli/src/status/readStatus.ts';

const status = (lastSequence: number, settled: number, letters: number): Status => ({
  schemaVersion: 1,
  mode: 'single',
  streams: [
    {
      name: 'OLD',
      subjects: ['x.>'],
      messages: lastSequence,
      lastSequence,
      sources: [{ name: 'NEW', lag: 1_234 }],
    },
  ],
  consumers: [
    {
      stream: 'OLD',
      name: 'w',
      pending: 0,
      ackPending: 0,
      ackFloor: 1,
      settled,
      paused: false,
      inUse: true,
    },
  ],
  deadLetters: { messages: letters },
  run: null,
  lease: null,
  platform: 'none',
  pods: [],
  configuredMode: null,
});
const at = (second: number): Date => new Date(Date.UTC(2026, 10, 28, 12, 0, second));

it('what moved between two looks, a second', () => {
  const look = withRates(status(1_000, 90, 3), at(4), { status: status(200, 10, 1), at: at(0) });
  expect(look).toMatchObject({
    at: '2026-11-28T12:00:04.000Z',
    streams: [{ name: 'OLD', storedPerSecond: 200 }],
    consumers: [{ name: 'w', settledPerSecond: 20 }],
    deadLetters: { messages: 3, perSecond: 0.5 },
  });
  const text = renderStatus(look);
  expect(text).toContain('last 1000, 200/s  x.>\n  copies NEW, 1,234 to go\n');
  expect(text).toContain('ack floor 1, 20/s\ndead letters: 3, 0.5/s\n');
});

it.each([
  ['there was no look before', undefined],
  ['the stream and its durable were made anew', { status: status(500, 60, 9), at: at(0) }],
  ['another stream stood there', { status: { ...status(0, 0, 9), streams: [], consumers: [] }, at: at(0) }],
  ['the clock did not move', { status: status(0, 0, 0), at: at(4) }],
])('no rate where %s', (_, before) => {
  const look = withRates(status(200, 10, 3), at(4), before);
  expect(look.streams[0]!.storedPerSecond).toBeNull();
  expect(look.consumers[0]!.settledPerSecond).toBeNull();
  expect(look.deadLetters.perSecond).toBeNull();
  expect(renderStatus(look)).not.toContain('/s');
});
