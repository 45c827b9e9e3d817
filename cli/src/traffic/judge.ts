import { covers, type JetStreamWriter, readRange } from '@aa-ops/topology';
import type { BookCounts, PublisherBook, PublisherKind } from './book.ts';
import { type Identify, identifyByHeader } from './identity.ts';
import type { LatencySummary } from './latency.ts';
import type { Ledger } from './ledger.ts';
import { EXAMPLES, Sightings } from './sightings.ts';

export interface JudgeOptions {
  /** Every stream that a message may be in: lost is what none of them holds. */
  streams: readonly string[];
  /** The streams that own the subjects in the end: order is judged in them. Default: all of `streams`. */
  holders?: readonly string[];
  /** What durables read of streams that drop what was worked: to be gone is no loss there, `judgeWorked` tells. */
  dropped?: readonly string[];
  /** Default: by TRAFFIC_HEADER. Another one is given the payloads as well. */
  identify?: Identify;
}

/** What one publisher's messages came to. */
export interface PublisherVerdict extends BookCounts {
  name: string;
  kind: PublisherKind;
  /** Acked, and in none of the streams. */
  lost: number;
  /** Stored more often than once: twice in one stream, or direct (not as a copy) in two. */
  doubled: number;
  /** Behind a later message of the same publisher and subject, in a stream that holds it in the end. */
  outOfOrder: number;
  /** Not acked, yet stored. */
  storedUnacked: number;
  /** Acked for a place where a stream holds another message of the ledger, or none (the streams that were read only). */
  misplaced: number;
}

export interface Verdict extends BookCounts {
  lost: number;
  doubled: number;
  outOfOrderWaiting: number;
  outOfOrderPipelined: number;
  storedUnacked: number;
  misplaced: number;
  /** Seen in the streams with this ledger's mark, but never sent by it, or on another subject than it was sent to. */
  strangers: number;
  latencyMs: LatencySummary;
  longestWaitMs: number;
  errors: Record<string, number>;
  publishers: PublisherVerdict[];
  /** Up to ten of each kind of fault, for whoever looks into it. */
  examples: Record<'lost' | 'doubled' | 'outOfOrder', string[]>;
}

/**
 * Reads what the streams hold (100,000 messages a second and more) and says what became of every message of the ledger.
 * Lost means: acked and then gone. A message in its origin and as a copy in the target is not doubled. To be called when
 * the traffic has stopped and nothing is being copied any more.
 */
export async function judge(
  account: JetStreamWriter,
  ledger: Ledger,
  options: JudgeOptions,
): Promise<Verdict> {
  const sightings = new Sightings(ledger, options.holders ?? options.streams);
  const identify = options.identify ?? identifyByHeader(ledger.run);
  for (const stream of new Set(options.streams)) {
    const range = { fromSeq: 1, headersOnly: options.identify === undefined };
    const view = sightings.openStream(stream);
    for await (const batch of readRange(account, stream, range)) {
      for (const message of batch) view.add(message, identify(message));
    }
  }
  const isLost = (book: PublisherBook, n: number): boolean =>
    book.isAcked(n) && !sightings.isStored(book, n) && !covers(options.dropped ?? [], book.subjectOf(n));
  const publishers = ledger.books().map((book) => judgeBook(book, sightings, isLost));
  const sum = (pick: (verdict: PublisherVerdict) => number): number =>
    publishers.reduce((total, verdict) => total + pick(verdict), 0);
  const outOfOrder = (kind: PublisherKind) => sum((it) => (it.kind === kind ? it.outOfOrder : 0));
  return {
    ...ledger.counts(),
    lost: sum(({ lost }) => lost),
    doubled: sum(({ doubled }) => doubled),
    outOfOrderWaiting: outOfOrder('waiting'),
    outOfOrderPipelined: outOfOrder('pipelined'),
    storedUnacked: sum(({ storedUnacked }) => storedUnacked),
    misplaced: sum(({ misplaced }) => misplaced),
    strangers: sightings.strangers,
    latencyMs: ledger.latency(),
    longestWaitMs: ledger.longestWaitMs(),
    errors: ledger.errors(),
    publishers,
    examples: {
      lost: examplesOf(ledger, isLost),
      doubled: examplesOf(ledger, (book, n) => sightings.extraCopies(book, n) > 0),
      outOfOrder: sightings.outOfOrderExamples,
    },
  };
}

function judgeBook(
  book: PublisherBook,
  sightings: Sightings,
  isLost: (book: PublisherBook, n: number) => boolean,
): PublisherVerdict {
  const verdict = { lost: 0, doubled: 0, storedUnacked: 0, misplaced: 0 };
  for (let n = 0; n < book.sent; n++) {
    const stored = sightings.isStored(book, n);
    if (book.isAcked(n)) {
      if (isLost(book, n)) verdict.lost++;
      else if (stored && sightings.isMisplaced(book, n)) verdict.misplaced++;
    } else if (stored) verdict.storedUnacked++;
    verdict.doubled += sightings.extraCopies(book, n);
  }
  const { name, kind } = book;
  return { name, kind, ...book.counts(), ...verdict, outOfOrder: sightings.outOfOrderOf(name) };
}

function examplesOf(ledger: Ledger, isOne: (book: PublisherBook, n: number) => boolean): string[] {
  const found: string[] = [];
  for (const book of ledger.books()) {
    for (let n = 0; n < book.sent && found.length < EXAMPLES; n++) {
      if (!isOne(book, n)) continue;
      const ack = book.ackOf(n);
      found.push(
        `${book.name} ${n} (${book.subjectOf(n)}${ack ? `, acked as ${ack.stream} ${ack.seq}` : ''})`,
      );
    }
  }
  return found;
}
