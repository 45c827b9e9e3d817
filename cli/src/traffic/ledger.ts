import { randomUUID } from 'node:crypto';
import { type BookCounts, PublisherBook, type PublisherKind } from './book.ts';
import { type LatencySummary, summarize } from './latency.ts';

/** Everything that a run's publishers know: what they sent and what they were told. `judge` compares it with the streams. */
export class Ledger {
  /** Part of every message, so that two ledgers may share streams. */
  readonly run: string;
  readonly #books = new Map<string, PublisherBook>();

  constructor(run: string = randomUUID().slice(0, 8)) {
    this.run = run;
  }

  /** Opens the book of a publisher. Its name is its own, without spaces. */
  open(name: string, kind: PublisherKind, subjects: readonly string[]): PublisherBook {
    if (/\s/.test(name) || name === '' || this.#books.has(name)) {
      throw new Error(`publisher name ${JSON.stringify(name)} is empty, has a space, or is taken`);
    }
    if (subjects.length === 0) throw new Error(`publisher ${name} has no subject`);
    const book = new PublisherBook(name, kind, subjects);
    this.#books.set(name, book);
    return book;
  }

  book(publisher: string): PublisherBook | undefined {
    return this.#books.get(publisher);
  }

  books(): PublisherBook[] {
    return [...this.#books.values()];
  }

  counts(): BookCounts {
    const total = { sent: 0, acked: 0, refused: 0, unanswered: 0, outstanding: 0 };
    for (const book of this.#books.values()) {
      const counts = book.counts();
      for (const key of Object.keys(total) as (keyof BookCounts)[]) total[key] += counts[key];
    }
    return total;
  }

  /** Why publishes were refused or not answered, by code, over all publishers. */
  errors(): Record<string, number> {
    const all: Record<string, number> = {};
    for (const { errors } of this.#books.values()) {
      for (const [code, count] of errors) all[code] = (all[code] ?? 0) + count;
    }
    return all;
  }

  latency(): LatencySummary {
    return summarize(this.books().map((book) => book.latencies()));
  }

  longestWaitMs(): number {
    return Math.max(0, ...this.books().map((book) => book.longestWaitMs()));
  }
}
