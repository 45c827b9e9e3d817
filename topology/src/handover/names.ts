import { placeholderSubject, RESERVED_PREFIX } from '../model.ts';
import type { StreamConfig, StreamSource } from '../jetstream/index.ts';
import type { Copy } from './types.ts';

const EPOCH_PREFIX = `${RESERVED_PREFIX}epoch.`;

/** New in each run and for each copy (`<round>-<n>`); one more token is the number of a window's attempt. */
export const epochSubject = (run: string, origin: string, copy: string): string =>
  `${EPOCH_PREFIX}${run}.${origin}.${copy}`;
/** What the copies' sources listen to besides the moved subjects. */
export const epochFilter = (epoch: string): string => `${epoch}.*`;
/** What is published in one attempt's window, behind the origin's last message. */
export const sentinelSubject = (epoch: string, attempt: number): string => `${epoch}.${attempt}`;

/** What an origin hears besides its subjects right before it gives them away: answered behind everything that was on its way to it. */
export const lastCallSubject = (run: string, stream: string): string =>
  `${RESERVED_PREFIX}last-call.${run}.${stream}`;

/** Who keeps a stream's place while it is made anew. */
export const standInOf = (stream: string): string => `${stream}_AA_STAND_IN`;

/** Under which name its new configuration is tried before. */
export const trialOf = (stream: string): string => `${stream}_AA_TRIAL`;

/** What a stream hears besides its subjects until a window is settled: a barrier behind what it captured by itself. */
export const barrierSubject = (run: string, stream: string): string =>
  `${RESERVED_PREFIX}barrier.${run}.${stream}`;

/** `dest: ""` only filters; the epoch's entry makes the source's identity new, so that `opt_start_seq` is obeyed. */
export const sourceOfCopy = (copy: Copy): StreamSource => ({
  name: copy.origin,
  opt_start_seq: copy.startSeq,
  subject_transforms: [...copy.filters, epochFilter(copy.epoch)].map((src) => ({ src, dest: '' })),
});

/** A subject has to fit into a line of the protocol (nats-server's `max_control_line`). */
const LONGEST_SUBJECT = 4_096;
const LONGEST_SEQUENCE = 20;

/** Bytes that a source adds to a message at most: `Nats-Stream-Source: <stream> <seq> <filters> <dests> <subject>`, in a block of headers of its own. */
export const sourceHeaderBytes = ({ origin, filters, epoch }: Copy): number =>
  'NATS/1.0\r\nNats-Stream-Source:     \r\n\r\n'.length +
  Buffer.byteLength(origin) +
  LONGEST_SEQUENCE +
  2 * [...filters, epochFilter(epoch)].reduce((sum, filter) => sum + Buffer.byteLength(filter) + 1, 0) +
  LONGEST_SUBJECT;

/** The epoch of a source that aa-ops made; undefined for everybody else's. */
export function epochOfSource(source: Pick<StreamSource, 'subject_transforms'>): string | undefined {
  const entry = source.subject_transforms?.find(({ src }) => src.startsWith(EPOCH_PREFIX));
  return entry?.src.replace(/\.\*$/, '');
}

/** An empty list would make the server fall back to the stream's name. */
export const orPlaceholder = (stream: string, subjects: readonly string[]): string[] =>
  subjects.length > 0 ? [...subjects] : [placeholderSubject(stream)];

export const isSameCopy = (source: StreamSource, copy: Copy): boolean =>
  source.name === copy.origin &&
  epochOfSource(source) === copy.epoch &&
  copy.filters.every((filter) => source.subject_transforms!.some(({ src }) => src === filter));

/** Metadata of a durable that a run made: a second attempt knows its own work by it. */
export const RUN_KEY = 'aa-ops.run';

/** Metadata of a work queue's durable that a run has made paused: until when it is to be paused then, empty where it is not. */
export const PAUSED_KEY = 'aa-ops.paused';

/** Metadata of such a durable that a run has made: `[filter, sequence][]`, below which it has worked everything elsewhere. */
export const WORKED_KEY = 'aa-ops.worked';

/** Metadata of a stream with retention interest that keeps everything while a handover copies from it or into it. */
export const RETENTION_KEY = 'aa-ops.retention';

/** What a stream's retention is when no handover is under way: while one is, an `interest` one keeps everything. */
export const ownRetention = ({
  retention = 'limits',
  metadata,
}: Pick<StreamConfig, 'retention' | 'metadata'>): NonNullable<StreamConfig['retention']> =>
  metadata?.[RETENTION_KEY] === 'interest' ? 'interest' : retention;
