import type { JetStreamReader, JetStreamWriter, StreamInfo } from '../../jetstream/index.ts';
import { inFlight } from '../../live/inFlight.ts';
import { intersectSets } from '../../subjects/sets.ts';
import { originOf } from '../reads.ts';
import type { CopiedBlock } from '../types.ts';
import type { Side } from './cursor.ts';
import { type Findings, noFindings } from './findings.ts';
import { matchContent } from './matchContent.ts';
import { mergeCopies } from './mergeCopies.ts';
import { type SubjectComparison, SubjectTally } from './subjectTally.ts';

/** A stream, and the account that it is in: the two need not be in the same one. */
export interface StreamPlace {
  account: JetStreamWriter;
  info: StreamInfo;
}

export interface CompareOptions {
  /** Only these subjects; absent: all. */
  subjects?: string[];
  /** Only these sequences of the first stream; absent: all that it holds. */
  seqs?: [first: number, last: number];
  /** What handovers between the two have copied, either way: then these are compared, and the rest is told as beyond. */
  blocks?: readonly CopiedBlock[];
  /** Only what the second stream holds copies of, and nothing before the first and behind the last one. */
  onlyCopied?: boolean;
  signal?: AbortSignal;
}

/** One walk: these sequences of the one against those of the other. */
export interface ComparedPart {
  origin: string;
  target: string;
  /** Absent: every subject. */
  filters?: string[];
  originSeqs: [first: number, last: number];
  targetSeqs: [first: number, last: number];
}

export interface Comparison extends Findings {
  from: string;
  to: string;
  /** How messages were brought together: by what copies say of their origin, or by what they hold. */
  by: 'source' | 'content';
  equal: boolean;
  parts: ComparedPart[];
  /** Messages that each stream holds beyond what was compared. */
  beyond: { from: number; to: number };
  subjects: SubjectComparison[];
}

/**
 * Compares two streams message by message, headers and payloads, in order. Both are read in bulk and side by side; memory
 * does not depend on their sizes. Changes nothing; the server keeps a throw-away consumer on each meanwhile.
 */
export async function compareStreams(
  from: StreamPlace,
  to: StreamPlace,
  options: CompareOptions = {},
): Promise<Comparison> {
  const tally = new SubjectTally();
  const blocks = options.blocks ?? [];
  const walked =
    blocks.length > 0
      ? await walkBlocks(from, to, blocks, tally, options)
      : await walkWhole(from, to, tally, options);
  const subjects = tally.end();
  const { findings } = walked;
  const counted = (side: 'from' | 'to') => subjects.reduce((sum, one) => sum + one[side].messages, 0);
  const faults =
    findings.missing + findings.doubled + findings.outOfOrder + findings.different + findings.extra;
  return {
    from: from.info.config.name,
    to: to.info.config.name,
    by: walked.by,
    equal: faults === 0,
    ...findings,
    parts: walked.parts,
    beyond: {
      from: Math.max(0, from.info.state.messages - counted('from')),
      to: Math.max(0, to.info.state.messages - counted('to')),
    },
    subjects,
  };
}

interface Walked {
  by: Comparison['by'];
  findings: Findings;
  parts: ComparedPart[];
}

const nameOf = ({ info }: StreamPlace): string => info.config.name;
const allOf = ({ info }: StreamPlace): [number, number] => [info.state.first_seq, info.state.last_seq];
const sideOf = (place: StreamPlace, seqs: [number, number]): Side => ({
  account: place.account,
  stream: nameOf(place),
  seqs,
});

/** Each copy that handovers have made, in the direction that it was made in. */
async function walkBlocks(
  from: StreamPlace,
  to: StreamPlace,
  blocks: readonly CopiedBlock[],
  tally: SubjectTally,
  options: CompareOptions,
): Promise<Walked> {
  const walked: Walked = { by: 'source', findings: noFindings(), parts: [] };
  for (const block of blocks) {
    const turned = block.origin !== nameOf(from);
    const [origin, target] = turned ? [to, from] : [from, to];
    const filters = options.subjects ? intersectSets(options.subjects, block.filters) : block.filters;
    const part = await standingPart(block, origin, target);
    if (filters.length === 0 || !part) continue;
    tally.turn(turned);
    const { originSeqs, targetSeqs } = narrowed(part, turned, options.seqs);
    const merged = await mergeCopies(sideOf(origin, originSeqs), sideOf(target, targetSeqs), {
      filters,
      payloads: true,
      tally,
      originFirstSeq: origin.info.state.first_seq,
      ...(options.signal ? { signal: options.signal } : {}),
    });
    add(walked.findings, merged);
    walked.parts.push({ origin: nameOf(origin), target: nameOf(target), filters, originSeqs, targetSeqs });
  }
  return walked;
}

/** A range asked for is one of the first stream's sequences, whichever part that has in a block. */
function narrowed(
  { originSeqs, targetSeqs }: Pick<ComparedPart, 'originSeqs' | 'targetSeqs'>,
  turned: boolean,
  seqs: CompareOptions['seqs'],
): Pick<ComparedPart, 'originSeqs' | 'targetSeqs'> {
  if (!seqs) return { originSeqs, targetSeqs };
  const cut = ([first, last]: [number, number]): [number, number] => [
    Math.max(first, seqs[0]),
    Math.min(last, seqs[1]),
  ];
  return turned ? { originSeqs, targetSeqs: cut(targetSeqs) } : { originSeqs: cut(originSeqs), targetSeqs };
}

/** What is left of a block. Copies at the target's beginning may have expired; so may everything. */
async function standingPart(
  { originSeqs, targetSeqs }: CopiedBlock,
  origin: StreamPlace,
  target: StreamPlace,
): Promise<Pick<ComparedPart, 'originSeqs' | 'targetSeqs'> | undefined> {
  const first = target.info.state.first_seq;
  if (targetSeqs[0] >= first || !mayHaveExpired(target.info)) return { originSeqs, targetSeqs };
  if (targetSeqs[1] < first) return undefined;
  const standing = await target.account.message(nameOf(target), { seq: first, nextBySubject: '>' });
  const source = standing && originOf(standing);
  if (!source || source.stream !== nameOf(origin)) return undefined;
  return { originSeqs: [source.seq, originSeqs[1]], targetSeqs: [first, targetSeqs[1]] };
}

/** A stream that is younger than its maxAge has lost nothing to it. */
const mayHaveExpired = ({ config, created, ts }: StreamInfo): boolean =>
  (config.max_age ?? 0) > 0 &&
  (ts ? Date.parse(ts) : Date.now()) - Date.parse(created) > (config.max_age ?? 0) / 1e6;

async function walkWhole(
  from: StreamPlace,
  to: StreamPlace,
  tally: SubjectTally,
  options: CompareOptions,
): Promise<Walked> {
  const seqs = options.seqs ?? allOf(from);
  const originSeqs: [number, number] = [
    Math.max(seqs[0], from.info.state.first_seq),
    Math.min(seqs[1], from.info.state.last_seq),
  ];
  const read = {
    payloads: true,
    ...(options.subjects ? { filters: options.subjects } : {}),
    ...(options.signal ? { signal: options.signal } : {}),
  };
  const part: ComparedPart = {
    origin: nameOf(from),
    target: nameOf(to),
    ...(options.subjects ? { filters: options.subjects } : {}),
    originSeqs,
    targetSeqs: allOf(to),
  };
  const [origin, target] = [sideOf(from, originSeqs), sideOf(to, allOf(to))];
  const copies = { there: await holdsCopies(to, nameOf(from)), back: await holdsCopies(from, nameOf(to)) };
  if (!copies.there && !copies.back) {
    const matched = await matchContent(origin, target, { ...read, tally });
    return { by: 'content', findings: matched, parts: [part] };
  }
  const bounded = options.onlyCopied === true || options.seqs !== undefined;
  const findings = noFindings();
  const there = await mergeCopies(origin, target, {
    ...read,
    tally,
    extras: !bounded && !copies.back,
    onlyCopied: options.onlyCopied === true,
    originFirstSeq: from.info.state.first_seq,
  });
  add(findings, there);
  if (!copies.back) return { by: 'source', findings, parts: [part] };
  // The other's own messages, and what this one copied from it: a way back, walked the other way round.
  tally.turn(true);
  const back = await mergeCopies(sideOf(to, allOf(to)), origin, {
    ...read,
    tally,
    onlyCopied: bounded,
    originFirstSeq: to.info.state.first_seq,
  });
  findings.messages += back.messages;
  findings.extra += back.missing;
  for (const what of ['doubled', 'outOfOrder', 'different', 'gone'] as const) findings[what] += back[what];
  const turned = { ...part, origin: part.target, target: part.origin };
  const parts = [part, { ...turned, originSeqs: part.targetSeqs, targetSeqs: part.originSeqs }];
  return { by: 'source', findings, parts };
}

/** Places of a stream that are looked at: its copies lie in blocks, and are many where they matter. */
const PROBES = 64;

/** Whether a stream holds copies of another's messages, by its sources and by some of its messages. */
async function holdsCopies({ account, info }: StreamPlace, origin: string): Promise<boolean> {
  if (info.config.sources?.some(({ name }) => name === origin)) return true;
  const { first_seq: first, last_seq: last, messages } = info.state;
  if (messages === 0) return false;
  const step = Math.max(1, Math.floor((last - first) / (PROBES - 1)));
  const places = Array.from({ length: PROBES }, (_, n) => first + n * step).filter((seq) => seq <= last);
  const found = await inFlight(16, [...places, last], (seq) =>
    isCopyOf(account, info.config.name, seq, origin),
  );
  return found.includes(true);
}

async function isCopyOf(
  account: JetStreamReader,
  stream: string,
  seq: number,
  origin: string,
): Promise<boolean> {
  const message = await account.message(stream, { seq, nextBySubject: '>' });
  return message !== undefined && originOf(message)?.stream === origin;
}

function add(sum: Findings, one: Findings): void {
  for (const what of ['messages', 'missing', 'doubled', 'outOfOrder', 'different', 'gone', 'extra'] as const)
    sum[what] += one[what];
  if (one.firstMissing !== undefined) sum.firstMissing ??= one.firstMissing;
  sum.examples = [...sum.examples, ...one.examples].slice(0, 10);
}
