import type { ConsumerConfig, StreamConfig } from '../jetstream/wire.ts';
import type { WireChange } from './classify.ts';
import { type ConsumerSurroundings, consumerValues } from './consumerValues.ts';
import { streamValues } from './streamValues.ts';
import { sameValue } from './values.ts';

const STREAM = Object.entries(streamValues).map(([wire, read]) => ({ wire, read }));
const CONSUMER = Object.entries(consumerValues).map(([wire, read]) => ({ wire, read }));

const NONE: readonly WireChange[] = [];

/** The fields in which two configs of a stream differ, as they count. Most streams differ in none: nothing is built then. */
export function streamWireChanges(
  live: Partial<StreamConfig>,
  desired: Partial<StreamConfig>,
): readonly WireChange[] {
  let changes = NONE;
  for (const { wire, read } of STREAM) {
    const before = read(live);
    const after = read(desired);
    if (!sameValue(before, after)) changes = [...changes, { wire, before, after }];
  }
  return changes;
}

/** The same for a consumer. */
export function consumerWireChanges(
  live: Partial<ConsumerConfig>,
  desired: Partial<ConsumerConfig>,
  surroundings: ConsumerSurroundings,
): readonly WireChange[] {
  let changes = NONE;
  for (const { wire, read } of CONSUMER) {
    const before = read(live, surroundings);
    const after = read(desired, surroundings);
    if (!sameValue(before, after)) changes = [...changes, { wire, before, after }];
  }
  return changes;
}
