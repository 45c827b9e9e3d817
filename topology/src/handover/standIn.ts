import { OpsError } from '../errors.ts';
import type { ConsumerConfig, JetStreamReader, StreamConfig } from '../jetstream/index.ts';
import { placeholderSubject, realSubjects, RESERVED_PREFIX } from '../model.ts';
import { covers, intersectSets } from '../subjects/sets.ts';
import { epochSubject, standInOf } from './names.ts';
import { rememberCopied } from './memory.ts';
import { filtersOf } from './preflight/checkReaders.ts';
import { firstOn } from './reads.ts';
import { findCopy } from './twins.ts';
import { type Copy, emptyMemory, type PreparedGroup } from './types.ts';

/** Whose place a stand-in keeps, and for which run: metadata of the stand-in. */
export const STAND_IN_FOR = 'aa-ops.stand-in-for';
export const STAND_IN_RUN = 'aa-ops.run';

/** What a server sets by itself goes by itself. */
const ownMetadata = (metadata: Record<string, string> = {}): Record<string, string> =>
  Object.fromEntries(Object.entries(metadata).filter(([key]) => !key.startsWith('_nats.')));

/** What its publishers may do with a stream. */
const ALLOWANCES = ['allow_msg_ttl', 'allow_rollup_hdrs', 'allow_atomic', 'allow_batched'] as const;

const allowances = (live: StreamConfig): Partial<StreamConfig> =>
  Object.fromEntries(ALLOWANCES.filter((field) => live[field]).map((field) => [field, true]));

/** A stream that keeps everything of another one, and owns nothing: on disk, with no limit of its own. */
export function standInConfig(live: StreamConfig, run: string): StreamConfig {
  const name = standInOf(live.name);
  return {
    name,
    subjects: [placeholderSubject(name)],
    description: `aa-ops: keeps the place of ${live.name} while it is made anew`,
    storage: 'file',
    retention: 'limits',
    discard: 'old',
    num_replicas: live.num_replicas ?? 1,
    ...(live.duplicate_window === undefined ? {} : { duplicate_window: live.duplicate_window }),
    ...(live.placement ? { placement: live.placement } : {}),
    ...allowances(live),
    metadata: { [STAND_IN_FOR]: live.name, [STAND_IN_RUN]: run },
  };
}

/** A stream's new configuration for its making: it owns nothing yet. */
export const closedConfig = (config: StreamConfig): StreamConfig => ({
  ...config,
  subjects: [placeholderSubject(config.name)],
  metadata: ownMetadata(config.metadata),
});

/** A durable's configuration for its making, from a sequence of its stream on. */
export function durableFrom(config: ConsumerConfig, startSequence: number): ConsumerConfig {
  const { name, deliver_policy: _policy, opt_start_seq: _seq, opt_start_time: _time, ...rest } = config;
  const durable_name = config.durable_name ?? name!;
  return {
    ...rest,
    durable_name,
    deliver_policy: 'by_start_sequence',
    opt_start_seq: startSequence,
    metadata: ownMetadata(config.metadata),
  };
}

/** So many subjects beside those that a stream owns can be named one by one in a source. */
const MOST_OTHERS = 100;

/**
 * Everything that a stream holds, as filters: what it owns, and the subjects of older messages that have another owner now. Ours
 * are not among them. Throws OpsError `stream-holds-others` where those are too many to be named.
 */
export async function heldSubjects(
  account: JetStreamReader,
  stream: string,
  subjects: readonly string[],
): Promise<string[]> {
  const owned = realSubjects(subjects);
  const counts = await account.subjectCounts(stream, '>');
  const others = [...counts.keys()].filter(
    (subject) => !subject.startsWith(RESERVED_PREFIX) && !covers(owned, subject),
  );
  if (others.length <= MOST_OTHERS) return [...owned, ...others];
  throw new OpsError(
    'stream-holds-others',
    `${stream} holds messages of ${others.length} subjects that it does not own, such as ${others.slice(0, 3).join(', ')}: more than ${MOST_OTHERS} cannot be copied in one order`,
    { kind: 'refused', hint: `purge what nobody reads any more (nats stream purge ${stream} --subject …)` },
  );
}

/** The handover of everything from one stream to another, of which `owned` changes hands. */
export const wholeGroup = (of: {
  origin: string;
  target: string;
  run: string;
  round: number;
  owned: string[];
  filters: string[];
  startSeq: number;
}): PreparedGroup => ({
  id: `${of.origin}.${of.round}`,
  round: of.round,
  streams: [
    { stream: of.origin, owned: of.owned, kept: [], final: [] },
    { stream: of.target, owned: [], kept: [], final: of.owned },
  ],
  copies:
    of.filters.length === 0
      ? []
      : [
          {
            origin: of.origin,
            target: of.target,
            filters: of.filters,
            epoch: epochSubject(of.run, of.origin, `${of.round}-0`),
            startSeq: Math.max(1, of.startSeq),
            targetFromSeq: 1,
          },
        ],
});

/**
 * The target's sequence of the first message at or behind `seq` that a copy brought; `end` where there is none, or where it is still on
 * its way and so will come behind everything that the target holds. Never too late: throws OpsError `unacked-without-copy` where the copy
 * went past one that it did not bring.
 */
export async function followCopy(
  account: JetStreamReader,
  copy: Copy,
  at: { seq: number; filters: readonly string[]; end: number },
  through: { originSeq: number; targetSeq: number } | undefined,
): Promise<number> {
  const message =
    at.filters.length === 0 ? undefined : await firstOn(account, copy.origin, at.seq, at.filters);
  if (!message || message.seq > (through?.originSeq ?? 0)) return at.end;
  // Not by what the message itself was copied from: that was the old stream of the same name.
  const [block] = rememberCopied(emptyMemory(), copy, through!).blocks;
  const found = block && (await findCopy(account, block, message.seq));
  if (found !== undefined) return found;
  throw new OpsError(
    'unacked-without-copy',
    `${copy.target} has no copy of message ${message.seq} of ${copy.origin}`,
    { hint: 'nothing was deleted: look at both streams, then aa-ops migrate --resume' },
  );
}

/** What a durable reads of a copy. */
export const readsOfCopy = (config: ConsumerConfig, copy: Copy): string[] =>
  intersectSets(filtersOf(config), copy.filters);
