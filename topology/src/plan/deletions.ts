import type { JetStreamReader } from '../jetstream/account.ts';
import type { StreamConfig, StreamInfo } from '../jetstream/wire.ts';
import type { LiveAccount, LiveStream } from '../live/liveAccount.ts';
import type { Desired } from '../model.ts';
import { streamValues } from './streamValues.ts';
import { filtersOf } from '../handover/preflight/checkReaders.ts';
import { createConfig } from './createConfig.ts';

/** What an update would delete at once. */
export interface Deletion {
  messages: number;
  /** How it was counted; empty where nothing goes. */
  why: string;
}

export const NO_DELETION: Deletion = { messages: 0, why: '' };

type Reader = Pick<JetStreamReader, 'message' | 'subjectCounts'>;
/** The fields that decide what is kept, as they count. */
const LIMITS = ['retention', 'discard', 'max_age', 'max_msgs', 'max_bytes', 'max_msgs_per_subject'] as const;
type Limits = Record<(typeof LIMITS)[number], unknown>;

const limitsOf = (config: StreamConfig): Limits =>
  Object.fromEntries(LIMITS.map((wire) => [wire, streamValues[wire]!(config)])) as Limits;

/**
 * Counts what the server would delete if the streams got the limits they should have, by stream; streams that lose nothing
 * are absent. Only streams whose limits or retention tighten cost a request. Nothing is written.
 */
export async function countDeletions(
  reader: Reader,
  desired: Desired,
  live: LiveAccount,
): Promise<Map<string, Deletion>> {
  const found = new Map<string, Deletion>();
  for (const stream of desired.streams) {
    const standing = live.streams.get(stream.name);
    if (!standing) continue;
    const deletion = await countDeletion(reader, standing, createConfig(stream));
    if (deletion.messages > 0) found.set(stream.name, deletion);
  }
  return found;
}

/** What the server would delete at once if the stream got that config. */
export async function countDeletion(
  reader: Reader,
  standing: LiveStream,
  config: StreamConfig,
): Promise<Deletion> {
  if (standing.info.state.messages === 0) return NO_DELETION;
  return countOne(reader, standing, limitsOf(standing.info.config), limitsOf(config));
}

async function countOne(reader: Reader, live: LiveStream, before: Limits, after: Limits): Promise<Deletion> {
  const { info } = live;
  const changed = (wire: keyof Limits) => before[wire] !== after[wire];
  const oldest: Deletion[] = [];
  const rest: Deletion[] = [];
  if (changed('max_age') && Number(after['max_age']) > 0) oldest.push(await expired(reader, info, after));
  if (after['discard'] === 'old' && (changed('max_msgs') || changed('max_bytes') || changed('discard')))
    oldest.push(aboveMessages(info, after), aboveBytes(info, after));
  if (changed('retention') && after['retention'] === 'interest') oldest.push(withoutInterest(live));
  if (changed('retention') && after['retention'] === 'workqueue') rest.push(await worked(reader, live));
  if (changed('max_msgs_per_subject') && Number(after['max_msgs_per_subject']) > 0)
    rest.push(await aboveSubjects(reader, info, after));
  return together(info, oldest, rest);
}

/** What takes the oldest messages takes the same ones; limits per subject take others, some of them perhaps the same. */
function together(info: StreamInfo, oldest: Deletion[], rest: Deletion[]): Deletion {
  const most = Math.max(0, ...oldest.map(({ messages }) => messages));
  const sum = rest.reduce((total, { messages }) => total + messages, most);
  const messages = Math.min(info.state.messages, sum);
  const parts = [...oldest, ...rest].filter((one) => one.messages > 0).map(({ why }) => why);
  return { messages, why: parts.join('; ') };
}

async function expired(reader: Reader, info: StreamInfo, after: Limits): Promise<Deletion> {
  const now = info.ts ? Date.parse(info.ts) : Date.now();
  const cutoff = now - Number(after['max_age']) / 1e6;
  const { first_seq, last_seq } = info.state;
  if (Date.parse(info.state.first_ts) >= cutoff) return NO_DELETION;
  const firstKept =
    Date.parse(info.state.last_ts) < cutoff ? last_seq + 1 : await firstAtOrAfter(reader, info, cutoff);
  return older(info, firstKept - first_seq, 'older than maxAge allows');
}

/**
 * The sequence of the first message stored at or after that instant, by binary search: timestamps of a stream ascend. Reads
 * the next message behind a sequence, so that deleted ones do not matter.
 */
async function firstAtOrAfter(reader: Reader, info: StreamInfo, instantMs: number): Promise<number> {
  let low = info.state.first_seq;
  let high = info.state.last_seq;
  while (low < high) {
    const middle = low + Math.floor((high - low) / 2);
    const message = await reader.message(info.config.name, { seq: middle, nextBySubject: '>' });
    if (!message || Date.parse(message.time) >= instantMs) high = middle;
    else low = message.seq + 1;
  }
  return low;
}

/** `count` sequences from the first on; where some of them are deleted already, no more than that many messages. */
function older(info: StreamInfo, count: number, why: string): Deletion {
  const messages = Math.min(count, info.state.messages);
  const exactly = (info.state.num_deleted ?? 0) === 0 || messages === info.state.messages;
  return messages > 0 ? { messages, why: `${exactly ? '' : 'at most '}${messages} ${why}` } : NO_DELETION;
}

function aboveMessages(info: StreamInfo, after: Limits): Deletion {
  const limit = Number(after['max_msgs']);
  const messages = limit > 0 ? Math.max(0, info.state.messages - limit) : 0;
  return messages > 0 ? { messages, why: `${messages} above maxMsgs` } : NO_DELETION;
}

/** Sizes of single messages are not known: by the average size. */
function aboveBytes(info: StreamInfo, after: Limits): Deletion {
  const limit = Number(after['max_bytes']);
  const { messages: all, bytes } = info.state;
  if (limit <= 0 || bytes <= limit) return NO_DELETION;
  const messages = Math.min(all, Math.ceil((bytes - limit) / (bytes / all)));
  return { messages, why: `about ${messages} above maxBytes` };
}

async function aboveSubjects(reader: Reader, info: StreamInfo, after: Limits): Promise<Deletion> {
  const limit = Number(after['max_msgs_per_subject']);
  let messages = 0;
  for (const count of (await reader.subjectCounts(info.config.name, '>')).values())
    messages += Math.max(0, count - limit);
  return messages > 0 ? { messages, why: `${messages} above maxMsgsPerSubject` } : NO_DELETION;
}

/** Interest retention deletes what every consumer has acked, and without a consumer everything (2.15.1; 2.10.26 keeps that). */
function withoutInterest({ info, consumers }: LiveStream): Deletion {
  if (consumers.length === 0)
    return { messages: info.state.messages, why: `${info.state.messages} that no consumer waits for` };
  const floor = Math.min(...consumers.map(({ ack_floor }) => ack_floor.stream_seq));
  const count = Math.max(0, floor - info.state.first_seq + 1);
  const messages = Math.min(count, info.state.messages);
  return messages > 0 ? { messages, why: `at most ${messages} that every consumer has passed` } : NO_DELETION;
}

/** A work queue keeps what nobody has worked: of what each durable reads, all but what it has still to do. */
async function worked(reader: Reader, { info, consumers }: LiveStream): Promise<Deletion> {
  let messages = 0;
  for (const { config, num_pending, num_ack_pending } of consumers) {
    const counts = await Promise.all(
      filtersOf(config).map((filter) => reader.subjectCounts(info.config.name, filter)),
    );
    const read = counts.flatMap((map) => [...map.values()]).reduce((sum, count) => sum + count, 0);
    messages += Math.max(0, read - num_pending - num_ack_pending);
  }
  return messages > 0
    ? { messages, why: `at most ${messages} that were worked, which a work queue does not keep` }
    : NO_DELETION;
}
