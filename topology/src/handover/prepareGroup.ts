import type { JetStreamReader, StoredMessage, StreamInfo } from '../jetstream/index.ts';
import { allStand } from './allStand.ts';
import { extendBlock, lastBlocks, splitByStart } from './memory.ts';
import { epochSubject, ownRetention } from './names.ts';
import { firstUnacked, type Mover, readsOf } from './positions.ts';
import type { CopySize } from './preflight/checkLimits.ts';
import type { Finding } from './preflight/finding.ts';
import { copiedThrough, firstOn, messageIdOf, walk } from './reads.ts';
import { nsToMs } from '../units/index.ts';
import { standingTwins } from './standingTwins.ts';
import { droppedByItself, findTwin } from './twins.ts';
import type { Copy, CopyRole, HandoverGroup, PairMemory, PreparedGroup } from './types.ts';
import { workedThere } from './workedThere.ts';

/**
 * Where the first copy of a pair begins: at the first message that a moving durable has not worked (`unacked`; none: now), and not behind
 * those that their publishers may still try again; at the origin's first message (`all`), or at the first one not older than an instant (`{ sinceMs }`).
 */
export type CopyFrom = 'unacked' | 'all' | { sinceMs: number };

export interface PrepareOptions {
  run: string;
  memory: PairMemory;
  movers: readonly Mover[];
  copyFrom: CopyFrom;
}

/** Looks whether copies that were given up brought more than is remembered. Reads only. */
export async function healMemory(account: JetStreamReader, memory: PairMemory): Promise<PairMemory> {
  let healed = memory;
  for (const block of lastBlocks(memory)) {
    const { origin, target, filters, originSeqs, targetSeqs, renumbered } = block;
    if (renumbered) continue; // its copies name numbers of a stream that is no more
    const behind = { origin, target, filters, startSeq: originSeqs[1] + 1, targetFromSeq: targetSeqs[1] + 1 };
    const through = await copiedThrough(account, behind);
    if (through) healed = extendBlock(healed, block, through);
  }
  return healed;
}

/** Fixes where every copy of a group begins. Reads only; what cannot be done without loss comes back as findings. */
export async function prepareGroup(
  account: JetStreamReader,
  group: HandoverGroup,
  options: PrepareOptions,
): Promise<{ group: PreparedGroup; findings: Finding[] }> {
  const findings: Finding[] = [];
  const copies: Copy[] = [];
  for (const role of group.copies) {
    const [origin, target] = await Promise.all([account.stream(role.origin), account.stream(role.target)]);
    if (!origin) continue; // nothing there to copy: the plan names it as to be created
    for (const { copy, from } of splitByStart(options.memory, role)) {
      const start = await startOf(account, copy, from, origin, options);
      findings.push(...start.findings);
      copies.push({
        ...copy,
        epoch: epochSubject(options.run, role.origin, `${group.round}-${copies.length}`),
        startSeq: start.seq,
        ...(from !== undefined && start.seq < from ? { again: true as const } : {}),
        targetFromSeq: (target?.state.last_seq ?? 0) + 1,
      });
    }
  }
  return { group: { ...group, copies }, findings };
}

async function startOf(
  account: JetStreamReader,
  copy: CopyRole,
  from: number | undefined,
  origin: StreamInfo,
  { memory, movers, copyFrom }: PrepareOptions,
): Promise<{ seq: number; findings: Finding[] }> {
  const now = origin.state.last_seq + 1;
  const unacked = await firstUnackedOf(account, copy, movers);
  if (from === undefined) {
    if (copyFrom === 'all') return { seq: Math.max(1, origin.state.first_seq), findings: [] };
    const wanted = typeof copyFrom === 'object' ? await firstSince(account, origin, copyFrom.sinceMs) : now;
    const retried = await firstRetryable(account, copy, origin);
    const seqs = [wanted, now, retried ?? now, ...unacked.map(({ message }) => message.seq)];
    return { seq: Math.min(...seqs), findings: [] };
  }
  return goOnAt(account, copy, from, unacked, memory);
}

/**
 * Where a copy with a past goes on: at its next start, if what moving durables have not worked in front of it stands on the target as well.
 * What has gone from there (expired, purged) is copied again, from its first message on, as long as nothing behind that would come twice.
 */
async function goOnAt(
  account: JetStreamReader,
  copy: CopyRole,
  from: number,
  unacked: readonly Unacked[],
  memory: PairMemory,
): Promise<{ seq: number; findings: Finding[] }> {
  const pair = { losing: copy.origin, gaining: copy.target };
  const findings: Finding[] = [];
  const missing: { durable: string; seq: number }[] = [];
  for (const { durable, message, filters } of unacked) {
    if (message.seq >= from) continue;
    const range = { fromSeq: message.seq, toSeq: from - 1, filters };
    if (await dropsWhatWasWorked(account, copy.target)) {
      const seq = await neverThere(account, copy, durable, message, memory);
      if (seq !== undefined) missing.push({ durable, seq });
      continue;
    }
    if (await allStand(account, pair, range, memory)) continue;
    const { firstWithout, missingUpTo } = await standingTwins(account, pair, range, memory);
    if (firstWithout === undefined) continue;
    if (await droppedByItself(account, copy.target, missingUpTo))
      findings.push(droppedThere(copy, durable, firstWithout));
    else missing.push({ durable, seq: firstWithout });
  }
  if (missing.length === 0) return { seq: from, findings };
  const seq = Math.min(...missing.map((one) => one.seq));
  const range = { fromSeq: seq, toSeq: from - 1, filters: copy.filters };
  const { standing, unknown } = await standingTwins(account, pair, range, memory);
  if (standing === 0 && unknown === 0) return { seq, findings: [...findings, copiedAgain(copy, seq, from)] };
  findings.push(...missing.map((one) => withoutTwin(copy, one.durable, one.seq, from)));
  return { seq: from, findings };
}

const droppedThere = (copy: CopyRole, durable: string, seq: number): Finding => ({
  code: 'unacked-dropped',
  severity: 'warn',
  message: `${durable} has not worked message ${seq} of ${copy.origin}, and ${copy.target}, being full, has dropped it: it goes on behind what was dropped`,
  hint: `let ${durable} work off what it is behind on ${copy.origin} first, or raise the limits of ${copy.target}`,
  details: { durable, origin: copy.origin, target: copy.target, sequence: seq },
});

/** What is no longer on such a stream was worked there, or cannot be told from what was (`workedThere`). */
const dropsWhatWasWorked = async (account: JetStreamReader, stream: string): Promise<boolean> => {
  const config = (await account.stream(stream))?.config;
  return config !== undefined && ownRetention(config) !== 'limits';
};

async function neverThere(
  account: JetStreamReader,
  copy: CopyRole,
  durable: string,
  message: StoredMessage,
  memory: PairMemory,
): Promise<number | undefined> {
  const twin = await findTwin(account, { losing: copy.origin, gaining: copy.target }, message, memory);
  if (twin.kind === 'copy' || twin.kind === 'original') return undefined;
  const there = await account.consumer(copy.target, durable);
  const worked = await workedThere(account, copy, there, message, memory);
  return worked === undefined ? message.seq : undefined;
}

const copiedAgain = (copy: CopyRole, seq: number, from: number): Finding => ({
  code: 'copied-again',
  severity: 'warn',
  message: `${copy.target} no longer holds what ${copy.origin} has from message ${seq} to ${from - 1}, and not all of it is worked: it is copied there again`,
  hint: 'it expired or was purged there; copies have a new age',
  details: { origin: copy.origin, target: copy.target, sequence: seq, copyFrom: from },
});

const withoutTwin = (copy: CopyRole, durable: string, seq: number, from: number): Finding => ({
  code: 'unacked-without-copy',
  severity: 'refuse',
  message: `${durable} has not worked message ${seq} of ${copy.origin}, which ${copy.target} does not hold: the copy goes on at ${from}, and begun earlier it would bring others twice`,
  hint: `let ${durable} work off what it is behind on ${copy.origin}, then run the command again`,
  details: { durable, origin: copy.origin, target: copy.target, sequence: seq, copyFrom: from },
});

interface Unacked {
  durable: string;
  message: StoredMessage;
  filters: string[];
}

/** The first message that each durable moving along this pair has not worked, and what it reads of the pair. */
async function firstUnackedOf(
  account: JetStreamReader,
  copy: CopyRole,
  movers: readonly Mover[],
): Promise<Unacked[]> {
  const moving = movers.filter(({ from, to }) => from.stream_name === copy.origin && to === copy.target);
  const found = await Promise.all(
    moving.map(async ({ name, from }) => {
      const filters = readsOf(from, copy.filters);
      return {
        durable: name,
        filters,
        message: await firstOn(account, copy.origin, firstUnacked(from), filters),
      };
    }),
  );
  return found.flatMap(({ message, ...rest }) => (message ? [{ ...rest, message }] : []));
}

/**
 * The first message whose id the origin still remembers: its publisher may try it again behind the handover, and the target has to
 * recognise it then. Its copy, if it was worked, lies in front of the durables' places.
 */
async function firstRetryable(
  account: JetStreamReader,
  copy: CopyRole,
  origin: StreamInfo,
): Promise<number | undefined> {
  const now = origin.ts === undefined ? Date.now() : Date.parse(origin.ts);
  const fromSeq = await firstSince(account, origin, now - nsToMs(origin.config.duplicate_window ?? 0));
  const range = { fromSeq, toSeq: origin.state.last_seq, filters: copy.filters };
  for await (const batch of walk(account, copy.origin, range)) {
    const found = batch.find((message) => messageIdOf(message) !== undefined);
    if (found) return found.seq;
  }
  return undefined;
}

/** The first sequence not older than an instant, by binary search: timestamps of a stream only grow. */
async function firstSince(
  account: JetStreamReader,
  { config, state }: StreamInfo,
  sinceMs: number,
): Promise<number> {
  let [low, high] = [state.first_seq, state.last_seq + 1];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const found = await account.message(config.name, { seq: middle, nextBySubject: '>' });
    if (!found || Date.parse(found.time) >= sinceMs) high = middle;
    else low = found.seq + 1;
  }
  return Math.max(1, low);
}

/** A sentinel and a barrier in the target's window. */
const OUR_MESSAGES = 2;
/** A run without pods takes seconds; one that restarts pods takes about this long. */
const LATELY_MS = 60_000;

/** What comes while a run goes on, as far as that can be known before: as much as came in the last minute. */
async function publishedLately(account: JetStreamReader, origin: StreamInfo): Promise<number> {
  const now = origin.ts === undefined ? Date.now() : Date.parse(origin.ts);
  return origin.state.last_seq - (await firstSince(account, origin, now - LATELY_MS)) + 1;
}

/** What a copy will bring, for the limits: counts per subject bounded by the range, bytes by the stream's average. */
export async function sizeOfCopy(
  account: JetStreamReader,
  copy: Copy,
  origin: StreamInfo,
): Promise<CopySize> {
  const range = Math.max(0, origin.state.last_seq - copy.startSeq + 1);
  if (range === 0) return { messages: 0, bytes: 0, mostPerSubject: 0 };
  const counts = await Promise.all(copy.filters.map((filter) => account.subjectCounts(copy.origin, filter)));
  const all = counts.flatMap((map) => [...map.values()]);
  const messages = Math.min(
    range,
    all.reduce((sum, count) => sum + count, 0),
  );
  const average = origin.state.bytes / Math.max(1, origin.state.messages);
  const besides = OUR_MESSAGES + (await publishedLately(account, origin));
  return {
    messages,
    bytes: Math.ceil(messages * average),
    besides: { messages: besides, bytes: Math.ceil(besides * average) },
    mostPerSubject: Math.min(
      range,
      all.reduce((most, count) => Math.max(most, count), 0),
    ),
  };
}

/** Two copies into one target: their subjects differ, so that no single one of them has more than in either. */
export const sumOfSizes = (a: CopySize | undefined, b: CopySize): CopySize => ({
  messages: (a?.messages ?? 0) + b.messages,
  bytes: (a?.bytes ?? 0) + b.bytes,
  mostPerSubject: Math.max(a?.mostPerSubject ?? 0, b.mostPerSubject),
  ...(a?.besides || b.besides
    ? {
        besides: {
          messages: (a?.besides?.messages ?? 0) + (b.besides?.messages ?? 0),
          bytes: (a?.besides?.bytes ?? 0) + (b.besides?.bytes ?? 0),
        },
      }
    : {}),
});
