import { createHash } from 'node:crypto';
import type { StreamMessage } from '../../jetstream/index.ts';
import { Cursor, type ReadOptions, type Side } from './cursor.ts';
import { type Findings, noFindings, note } from './findings.ts';
import { headerText } from './sameMessage.ts';
import type { SubjectTally } from './subjectTally.ts';

/**
 * How far two streams may be apart and still be brought together, in messages: a longer gap is told as missing and as
 * extra. An entry takes some 300 bytes, and four tables of them are kept at most.
 */
const REACH = 50_000;

interface Entry {
  seq: number;
  subject: string;
  key: string;
  /** In reading order, from 0. */
  place: number;
  /** The other side's message, by its place in reading order; -1: there is none. */
  mate?: number;
}

/** One side as it is read: what has no mate yet by content, and everything in order until it is decided. */
class Lane {
  readonly open = new Map<string, Entry[]>();
  readonly queue: Entry[] = [];
  #read = 0;

  add(message: StreamMessage): Entry {
    const key = createHash('sha256')
      .update(`${message.subject}\0${headerText(message)}\0`)
      .update(message.data)
      .digest('base64')
      .slice(0, 22);
    const entry: Entry = { seq: message.seq, subject: message.subject, key, place: this.#read++ };
    this.queue.push(entry);
    return entry;
  }

  wait(entry: Entry): void {
    const same = this.open.get(entry.key);
    if (same) same.push(entry);
    else this.open.set(entry.key, [entry]);
  }

  /** The first that waits with this content. */
  take(key: string): Entry | undefined {
    const same = this.open.get(key);
    const entry = same?.shift();
    if (same?.length === 0) this.open.delete(key);
    return entry;
  }

  /** Decided entries from the front; with `force`, and beyond REACH, also what has no mate so far. */
  *decided(force: boolean): Generator<Entry> {
    let at = 0;
    for (; at < this.queue.length; at++) {
      const entry = this.queue[at]!;
      if (entry.mate === undefined) {
        if (!force && this.queue.length - at <= REACH) break;
        const same = this.open.get(entry.key)!;
        same.splice(same.indexOf(entry), 1);
        if (same.length === 0) this.open.delete(entry.key);
        entry.mate = -1;
      }
      yield entry;
    }
    this.queue.splice(0, at);
  }
}

/** Entries that are decided together, so that shifting the queues costs little. */
const DECIDE_EVERY = 4_096;

/**
 * Compares two streams that know nothing of each other (a mirror, a restored backup) by what their messages hold: subject,
 * headers and payload. A message of the target in the place of one that is missing is a different one.
 */
export async function matchContent(
  from: Side,
  to: Side,
  options: ReadOptions & { tally?: SubjectTally },
): Promise<Findings> {
  const [origins, targets] = [new Cursor(from, options), new Cursor(to, options)];
  try {
    return await match(origins, targets, options.tally);
  } finally {
    await Promise.all([origins.close(), targets.close()]);
  }
}

async function match(origins: Cursor, targets: Cursor, tally?: SubjectTally): Promise<Findings> {
  const [left, right] = [new Lane(), new Lane()];
  const judge = new Judge();
  for (let turn = 1; ; turn++) {
    const original = origins.head ?? (await origins.fill());
    if (original) {
      origins.step();
      tally?.addOrigin(original);
      const entry = left.add(original);
      const mate = right.take(entry.key);
      if (mate) [entry.mate, mate.mate] = [mate.place, entry.place];
      else left.wait(entry);
    }
    const copy = targets.head ?? (await targets.fill());
    if (copy) {
      targets.step();
      tally?.addTarget(copy);
      const entry = right.add(copy);
      const mate = left.take(entry.key);
      if (mate) [entry.mate, mate.mate] = [mate.place, entry.place];
      else right.wait(entry);
    }
    const ended = !original && !copy;
    if (ended || turn % DECIDE_EVERY === 0) {
      for (const entry of left.decided(ended)) judge.origin(entry);
      for (const entry of right.decided(ended)) judge.target(entry);
    }
    if (ended) return judge.end();
  }
}

/** Makes findings of decided entries, which come in the order of each stream. */
class Judge {
  readonly #findings = noFindings();
  /** Without a mate, by the number of mates before it and its subject: a different message stands in the same place. */
  readonly #lonely = { origin: new Map<string, number[]>(), target: new Map<string, number[]>() };
  #matedOrigins = 0;
  #matedTargets = 0;
  #highest = -1;
  readonly #seen = new Set<string>();
  readonly #missing = new Map<number, true>();
  #missingUntold = 0;

  origin({ seq, subject, mate }: Entry): void {
    this.#findings.messages++;
    if (mate !== -1) {
      this.#matedOrigins++;
      return;
    }
    if (this.#pairOff('target', `${this.#matedOrigins} ${subject}`) !== undefined) {
      this.#findings.extra--;
      note(this.#findings, 'different', seq);
      return;
    }
    this.#keep('origin', `${this.#matedOrigins} ${subject}`, seq);
    if (this.#missing.size < REACH) this.#missing.set(seq, true);
    else this.#missingUntold++;
  }

  target({ seq, subject, key, mate }: Entry): void {
    if (mate !== undefined && mate !== -1) {
      this.#matedTargets++;
      if (mate < this.#highest) note(this.#findings, 'outOfOrder', seq);
      else this.#highest = mate;
      this.#remember(key);
      return;
    }
    if (this.#seen.has(key)) return note(this.#findings, 'doubled', seq);
    const original = this.#pairOff('origin', `${this.#matedTargets} ${subject}`);
    if (original !== undefined) {
      this.#missing.delete(original);
      return note(this.#findings, 'different', original);
    }
    this.#findings.extra++;
    this.#keep('target', `${this.#matedTargets} ${subject}`, seq);
  }

  end(): Findings {
    const findings = this.#findings;
    findings.missing = this.#missing.size + this.#missingUntold;
    const [firstMissing] = this.#missing.keys();
    if (firstMissing !== undefined) findings.firstMissing = firstMissing;
    findings.examples = [...this.#missing.keys(), ...findings.examples].slice(0, 10);
    return findings;
  }

  #keep(side: 'origin' | 'target', place: string, seq: number): void {
    const lonely = this.#lonely[side];
    if (lonely.size >= REACH) lonely.clear();
    const same = lonely.get(place);
    if (same) same.push(seq);
    else lonely.set(place, [seq]);
  }

  #pairOff(side: 'origin' | 'target', place: string): number | undefined {
    const same = this.#lonely[side].get(place);
    const seq = same?.shift();
    if (same?.length === 0) this.#lonely[side].delete(place);
    return seq;
  }

  /** The last REACH contents that were found. */
  #remember(key: string): void {
    this.#seen.add(key);
    if (this.#seen.size > REACH) for (const oldest of this.#seen) return void this.#seen.delete(oldest);
  }
}
