import { createHash, type Hash } from 'node:crypto';
import type { StreamMessage } from '../../jetstream/index.ts';
import { headerText } from './sameMessage.ts';

/** One stream's messages on one subject, as far as they were compared. */
export interface SubjectSide {
  messages: number;
  /** The lowest and the highest sequence, in whatever order they were walked; 0 without any. */
  first: number;
  last: number;
  /** SHA-256 over headers and payloads, in the order of the stream; hexadecimal. */
  digest: string;
}

export interface SubjectComparison {
  subject: string;
  from: SubjectSide;
  to: SubjectSide;
  /** The same messages in the same order. */
  equal: boolean;
}

/** Subjects that are told apart; those beyond are counted in one line. A subject takes about 2 KiB. */
const MOST_SUBJECTS = 10_000;
export const OTHER_SUBJECTS = '(all other subjects)';

class Tally {
  messages = 0;
  first = 0;
  last = 0;
  readonly #hash: Hash = createHash('sha256');

  add(message: StreamMessage, withSubject: boolean): void {
    this.messages++;
    this.first = this.first === 0 ? message.seq : Math.min(this.first, message.seq);
    this.last = Math.max(this.last, message.seq);
    const subject = withSubject ? message.subject : '';
    this.#hash.update(`${subject}\0${headerText(message)}\0${message.data.length}\0`).update(message.data);
  }

  end(): SubjectSide {
    const { messages, first, last } = this;
    return { messages, first, last, digest: this.#hash.digest('hex') };
  }
}

/** Counts, sequence ranges and digests per subject, of both streams, made while they are walked. */
export class SubjectTally {
  readonly #subjects = new Map<string, { from: Tally; to: Tally }>();
  /** Which of a pair's streams is the first that was named: a way back walks them the other way round. */
  #turned = false;

  /** From here on, origin and target of what is walked are `to` and `from` of the comparison. */
  turn(turned: boolean): void {
    this.#turned = turned;
  }

  addOrigin(message: StreamMessage): void {
    this.#add(message, this.#turned ? 'to' : 'from');
  }

  addTarget(message: StreamMessage): void {
    this.#add(message, this.#turned ? 'from' : 'to');
  }

  /** Every subject, sorted by name. To be called once. */
  end(): SubjectComparison[] {
    return [...this.#subjects]
      .map(([subject, sides]) => {
        const [from, to] = [sides.from.end(), sides.to.end()];
        return { subject, from, to, equal: from.digest === to.digest };
      })
      .sort((a, b) => (a.subject < b.subject ? -1 : 1));
  }

  #add(message: StreamMessage, side: 'from' | 'to'): void {
    const known = this.#subjects.get(message.subject);
    if (known) return known[side].add(message, false);
    const other = this.#subjects.size >= MOST_SUBJECTS;
    const name = other ? OTHER_SUBJECTS : message.subject;
    const sides = this.#subjects.get(name) ?? { from: new Tally(), to: new Tally() };
    this.#subjects.set(name, sides);
    sides[side].add(message, other);
  }
}
