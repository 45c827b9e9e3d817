import { createHash } from 'node:crypto';
import type { ConsumerInfo, StreamInfo } from '../jetstream/wire.ts';
import { canonicalJson, withoutServerMetadata } from './values.ts';
import type { Plan } from './plan.ts';

/** What stands for a thing that does not exist. */
export const ABSENT = 'absent';

/**
 * Tells whether a configuration is still the one that was seen. Counters, leaders and the server's own metadata are not part
 * of it; when it was made is, so that another account's stream of the same shape, or one made anew, is another one.
 */
export function fingerprint(info: StreamInfo | ConsumerInfo | undefined): string {
  if (!info) return ABSENT;
  const config = { ...info.config, metadata: withoutServerMetadata(info.config.metadata) };
  return createHash('sha256')
    .update(canonicalJson({ config, created: info.created }))
    .digest('hex');
}

/** `stream AA_DLQ` or `consumer AA_CORE_HOT/normalize-hrv-durable`: how fingerprints and messages name a thing. */
export const nameOf = (thing: { kind: 'stream' | 'consumer'; name: string; stream?: string }): string =>
  thing.kind === 'stream' ? `stream ${thing.name}` : `consumer ${thing.stream}/${thing.name}`;

/** The fingerprint of everything that a plan is about, as the plan saw it. */
export const fingerprintsOf = (plan: Plan): Record<string, string> =>
  Object.fromEntries(plan.changes.map((change) => [nameOf(change), fingerprint(change.seen)]));
