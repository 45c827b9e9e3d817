import type { StreamMessage } from '@aa-ops/topology';
import type { PublisherBook } from './book.ts';
import type { Identity } from './identity.ts';
import type { Ledger } from './ledger.ts';

/** Of each kind of fault, this many are named. */
export const EXAMPLES = 10;

/** Per publisher, by running number. */
type Tally = Map<string, Uint8Array>;

const newTally = (ledger: Ledger): Tally =>
  new Map(ledger.books().map((book) => [book.name, new Uint8Array(book.sent)]));

const raise = (counts: Uint8Array, n: number): number => (counts[n] = Math.min(255, counts[n]! + 1));

/** Which messages of a ledger were seen in which stream, how often, and in what order. */
export class Sightings {
  strangers = 0;
  readonly outOfOrderExamples: string[] = [];
  readonly #ledger: Ledger;
  readonly #holders: ReadonlySet<string>;
  readonly #inOneStream: Tally;
  readonly #direct: Tally;
  readonly #confirmed: Tally;
  readonly #streams = new Set<string>();
  readonly #outOfOrder = new Map<string, number>();

  constructor(ledger: Ledger, holders: readonly string[]) {
    this.#ledger = ledger;
    this.#holders = new Set(holders);
    this.#inOneStream = newTally(ledger);
    this.#direct = newTally(ledger);
    this.#confirmed = newTally(ledger);
  }

  /** To be fed with a whole stream, in its order. */
  openStream(stream: string): { add(message: StreamMessage, identity: Identity | undefined): void } {
    this.#streams.add(stream);
    const here = newTally(this.#ledger);
    const furthest = new Map<string, number>();
    const judgesOrder = this.#holders.has(stream);
    return {
      add: (message, identity) => {
        if (!identity) return;
        const book = this.#ledger.book(identity.publisher);
        const { n } = identity;
        if (!book || !(n < book.sent) || book.subjectOf(n) !== message.subject) {
          this.strangers++;
          return;
        }
        const count = raise(here.get(book.name)!, n);
        const most = this.#inOneStream.get(book.name)!;
        most[n] = Math.max(most[n]!, count);
        if (!message.headers.has('Nats-Stream-Source')) raise(this.#direct.get(book.name)!, n);
        const ack = book.ackOf(n);
        if (ack?.stream === stream && ack.seq === message.seq) this.#confirmed.get(book.name)![n] = 1;
        if (judgesOrder && count === 1) this.#judgeOrder(book, n, message, stream, furthest);
      },
    };
  }

  isStored(book: PublisherBook, n: number): boolean {
    return this.#inOneStream.get(book.name)![n]! > 0;
  }

  /** Storings beyond the first: in one stream, or direct ones in several. */
  extraCopies(book: PublisherBook, n: number): number {
    return Math.max(0, this.#inOneStream.get(book.name)![n]! - 1, this.#direct.get(book.name)![n]! - 1);
  }

  isMisplaced(book: PublisherBook, n: number): boolean {
    const ack = book.ackOf(n);
    return ack !== undefined && this.#streams.has(ack.stream) && this.#confirmed.get(book.name)![n] === 0;
  }

  outOfOrderOf(publisher: string): number {
    return this.#outOfOrder.get(publisher) ?? 0;
  }

  #judgeOrder(
    book: PublisherBook,
    n: number,
    { subject, seq }: StreamMessage,
    stream: string,
    furthest: Map<string, number>,
  ): void {
    const key = `${book.name} ${subject}`;
    const before = furthest.get(key) ?? -1;
    if (n > before) return void furthest.set(key, n);
    this.#outOfOrder.set(book.name, this.outOfOrderOf(book.name) + 1);
    if (this.outOfOrderExamples.length < EXAMPLES)
      this.outOfOrderExamples.push(`${key} ${n} behind ${before} (${stream} ${seq})`);
  }
}
