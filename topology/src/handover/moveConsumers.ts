import { setTimeout as delay } from 'node:timers/promises';
import { OpsError } from '../errors.ts';
import { consumerFields } from '../fields/index.ts';
import type { ConsumerConfig, ConsumerInfo } from '../jetstream/index.ts';
import type { ConsumerFields } from '../model.ts';
import { blocksHolding, rememberCopied } from './memory.ts';
import { PAUSED_KEY, RUN_KEY } from './names.ts';
import { firstUnacked, readsOf, type Worked, workedElsewhere } from './positions.ts';
import { isQueue, pausedDurable } from './queues.ts';
import { copiedThrough, firstOn } from './reads.ts';
import { droppedByItself, findTwin, originalOf } from './twins.ts';
import type { Copy, HandoverContext, PairMemory } from './types.ts';
import { workedThere } from './workedThere.ts';

/** A durable as it has to stand on its new stream. */
export interface ConsumerMove {
  name: string;
  /** Where its position is read; undefined: it stands nowhere yet and starts as declared. */
  from: string | undefined;
  to: string;
  fields: ConsumerFields;
  /** Until when somebody had paused it before a run did (RFC 3339; empty: not at all); undefined: no run has. */
  pausedBefore?: string;
}

/** `consumers` of a migration's JSON. */
export interface MovedConsumer {
  name: string;
  from: string;
  to: string;
  ackFloor: number;
  startSequence: number;
}

const WAIT_MS = 10_000;
const POLL_MS = 50;

/**
 * Makes a durable on the stream that gains its subjects, at the first message whose twin it has not acked on the losing
 * one. One that stands there from an earlier cycle is made anew at that place (left where it stands it would work days
 * again, or skip), its old state journaled first. Nothing reads it yet: the pods follow later. What a copy of a `later` round brings
 * will lie behind everything that is there now. A work queue's durable begins at everything that stands (10101): it is made
 * paused, and what it has worked elsewhere is purged before it goes on.
 */
export async function moveConsumer(
  context: HandoverContext,
  move: ConsumerMove & { from: string },
  copies: { standing: readonly Copy[]; later: readonly Copy[] },
  memory: PairMemory,
  run: string,
): Promise<MovedConsumer> {
  const { account } = context;
  const losing = await account.consumer(move.from, move.name);
  if (!losing) {
    throw new OpsError('consumer-missing', `durable ${move.name} does not stand on ${move.from}`, {
      hint: 'somebody deleted it meanwhile: aa-ops rollback takes the run back, aa-ops consumers apply makes it anew',
    });
  }
  const standing = await account.consumer(move.to, move.name);
  const ackFloor = losing.ack_floor.stream_seq;
  const target = await account.stream(move.to);
  const toQueue = target !== undefined && isQueue(target.config);
  if (standing?.config.metadata?.[RUN_KEY] === run) {
    return {
      name: move.name,
      from: move.from,
      to: move.to,
      ackFloor,
      startSequence: startOf(standing.config),
    };
  }
  const { startSequence, worked } = await startOnTarget(context, move, { losing, standing }, copies, memory);
  const made: ConsumerConfig = {
    ...whatNoFileSets(losing),
    ...lasting(move.fields),
    ...pauseOf(losing, move.pausedBefore),
    durable_name: move.name,
    metadata: { ...move.fields.metadata, [RUN_KEY]: run },
  };
  const config: ConsumerConfig = toQueue
    ? pausedDurable(made, worked)
    : { ...made, deliver_policy: 'by_start_sequence', opt_start_seq: startSequence };
  await context.journal.effect(
    'move-consumer',
    {
      name: move.name,
      from: move.from,
      to: move.to,
      startSequence,
      before: losing,
      replaced: standing ?? null,
    },
    async () => {
      if (standing) await account.deleteConsumer(move.to, move.name);
      await account.createConsumer(move.to, config);
    },
  );
  return { name: move.name, from: move.from, to: move.to, ackFloor, startSequence };
}

/** Nobody pulls until the pods follow: `inactiveThreshold` counts from the end of the run on (`restoreThresholds`). */
export function lasting({ inactive_threshold: _, ...fields }: ConsumerFields): ConsumerFields {
  return fields;
}

/** How the server reads a durable's place, says what it is, or delivers by pushing: none of it goes along. */
const NOT_CARRIED = [
  ...['name', 'durable_name', 'filter_subject', 'direct', 'sourcing', 'pause_until'],
  ...['deliver_subject', 'deliver_group', 'flow_control', 'idle_heartbeat'],
];

/** Fields that a topology file cannot set (priority groups, say) stay as they are. */
function whatNoFileSets({ config }: ConsumerInfo): Partial<ConsumerConfig> {
  const known = new Set([...NOT_CARRIED, ...Object.values(consumerFields).map(({ wire }) => wire)]);
  return Object.fromEntries(Object.entries(config).filter(([field]) => !known.has(field)));
}

/** A pause goes along, for as long as it was to last. */
function pauseOf({ config, paused }: ConsumerInfo, before?: string): Pick<ConsumerConfig, 'pause_until'> {
  const own = paused ? (config.pause_until ?? '') : '';
  const until = config.metadata?.[PAUSED_KEY] ?? before ?? own;
  return until && Date.parse(until) > Date.now() ? { pause_until: until } : {};
}

/**
 * Durables that a run has made without their `inactiveThreshold` get it, once their pods have followed. What the topology says is written, so
 * that it may be repeated.
 */
export async function restoreThresholds(
  { account, journal }: HandoverContext,
  durables: readonly { stream: string; name: string; fields: ConsumerFields }[],
): Promise<void> {
  for (const { stream, name, fields } of durables) {
    const { inactive_threshold } = fields;
    if (!inactive_threshold) continue;
    const info = await account.consumer(stream, name);
    if (!info || info.config.inactive_threshold === inactive_threshold) continue;
    await journal.effect('restore-threshold', { stream, consumer: name, inactive_threshold }, () =>
      account.updateConsumer(stream, { ...info.config, name, inactive_threshold }),
    );
  }
}

function startOf(config: ConsumerConfig): number {
  const places = workedElsewhere(config).map(({ belowSeq }) => belowSeq);
  return config.opt_start_seq ?? (places.length > 0 ? Math.min(...places) : 1);
}

/** Sequence on the gaining stream from which nothing that the durable has not worked is skipped; and for each of its copies by itself. */
async function startOnTarget(
  context: HandoverContext,
  move: ConsumerMove & { from: string },
  { losing, standing }: { losing: ConsumerInfo; standing: ConsumerInfo | undefined },
  copies: { standing: readonly Copy[]; later: readonly Copy[] },
  memory: PairMemory,
): Promise<{ startSequence: number; worked: Worked[] }> {
  const { account } = context;
  // Read before the origin is looked through: what comes in meanwhile is copied behind this place.
  const headroom = ((await account.stream(move.to))?.state.last_seq ?? 0) + 1;
  const along = [...copies.standing, ...copies.later].filter(
    (copy) => copy.origin === move.from && copy.target === move.to,
  );
  const startIn = async (copy: Copy, filters: string[]): Promise<number> => {
    const message =
      filters.length > 0 ? await firstOn(account, copy.origin, firstUnacked(losing), filters) : undefined;
    if (!message) return headroom;
    if (copies.later.includes(copy) && message.seq >= copy.startSeq) return headroom;
    return startAtTwin(context, move, { copy, standing }, message, memory);
  };
  const worked = await Promise.all(
    along.map(async (copy) => {
      const filters = readsOf(losing, copy.filters);
      const belowSeq = await startIn(copy, filters);
      return filters.map((filter): Worked => ({ filter, belowSeq }));
    }),
  ).then((lists) => lists.flat());
  return { startSequence: Math.min(headroom, ...worked.map(({ belowSeq }) => belowSeq)), worked };
}

async function startAtTwin(
  context: HandoverContext,
  move: ConsumerMove,
  { copy, standing }: { copy: Copy; standing: ConsumerInfo | undefined },
  message: Parameters<typeof findTwin>[2],
  memory: PairMemory,
): Promise<number> {
  const deadline = Date.now() + WAIT_MS;
  for (;;) {
    const through = await copiedThrough(context.account, copy);
    const known = through ? rememberCopied(memory, copy, through) : memory;
    // What the copy brings is found in what it brought: an original of it may be gone, which is why it is copied again.
    const pair = { losing: copy.origin, gaining: copy.target };
    const twin = await findTwin(context.account, pair, message, known);
    if (twin.kind === 'copy' || twin.kind === 'original') return twin.seq;
    const original = originalOf(known, pair, message);
    const isFull = original !== undefined && (await droppedByItself(context.account, copy.target, original));
    if (isFull && message.seq < copy.startSeq) return Math.ceil(original);
    const stillToCome = message.seq >= copy.startSeq && message.seq > (through?.originSeq ?? 0);
    const behind = stillToCome
      ? undefined
      : await workedThere(context.account, copy, standing, message, known);
    if (behind !== undefined) return behind;
    // The origin held it, the copy went past it, and it is not there: the target's window took its id for a repetition.
    if (!stillToCome || Date.now() > deadline) throw withoutTwin(move, copy, message.seq, known);
    await delay(POLL_MS, undefined, { signal: context.signal });
  }
}

const withoutTwin = (move: ConsumerMove, copy: Copy, seq: number, memory: PairMemory): OpsError =>
  new OpsError(
    'unacked-without-copy',
    `${move.name} has not worked message ${seq} of ${copy.origin}, and ${copy.target} has no copy of it`,
    {
      hint: `let ${move.name} work off ${copy.origin} first, then run the command again`,
      details: { durable: move.name, sequence: seq, copy, blocks: blocksHolding(memory, copy, seq) },
    },
  );
