import { type Identifiable, type Identify, type Identity, identifyByHeader, isHeard } from './identity.ts';
import type { Ledger } from './ledger.ts';
import { EXAMPLES } from './sightings.ts';

/** What a consumer has worked, message by message, whichever stream it got them from. */
export class WorkRecord {
  readonly #counts = new Map<string, number[]>();
  readonly #identify: Identify;

  /** Default: messages are told apart by TRAFFIC_HEADER. */
  constructor(ledger: Ledger, identify: Identify = identifyByHeader(ledger.run)) {
    this.#identify = identify;
  }

  /** A message was worked and acked. One that is none of the ledger's is passed over. */
  note(message: Identifiable): void {
    const identity = this.#identify(message);
    if (identity) this.noteIdentity(identity);
  }

  noteIdentity({ publisher, n }: Identity): void {
    const counts = this.#counts.get(publisher) ?? [];
    counts[n] = (counts[n] ?? 0) + 1;
    this.#counts.set(publisher, counts);
  }

  countOf(publisher: string, n: number): number {
    return this.#counts.get(publisher)?.[n] ?? 0;
  }
}

export interface WorkVerdict {
  /** Messages that were worked at least once. */
  worked: number;
  /** Acked to their publisher, on a subject that the consumer hears, and never worked. */
  skipped: number;
  /** Times that a message was worked beyond the first. */
  repeated: number;
  /** Up to ten that were skipped. */
  examples: string[];
}

/** Whether a durable with these filters has worked everything that was acked. To be called once it has nothing left. */
export function judgeWorked(ledger: Ledger, record: WorkRecord, filters: readonly string[]): WorkVerdict {
  const verdict: WorkVerdict = { worked: 0, skipped: 0, repeated: 0, examples: [] };
  for (const book of ledger.books()) {
    const heard = book.subjects.map((subject) => isHeard(filters, subject));
    for (let n = 0; n < book.sent; n++) {
      if (!heard[n % heard.length]) continue;
      const times = record.countOf(book.name, n);
      if (times > 0) {
        verdict.worked++;
        verdict.repeated += times - 1;
      } else if (book.isAcked(n)) {
        verdict.skipped++;
        if (verdict.examples.length < EXAMPLES)
          verdict.examples.push(`${book.name} ${n} (${book.subjectOf(n)})`);
      }
    }
  }
  return verdict;
}
