import type { PublishOutcome } from '@aa-ops/topology';

/** How a publisher goes on: after each answer, or with several publishes outstanding. */
export type PublisherKind = 'waiting' | 'pipelined';

/** What is known of one message from its publisher's side. */
export const MessageState = { outstanding: 0, acked: 1, refused: 2, unanswered: 3 } as const;

export interface BookCounts {
  sent: number;
  acked: number;
  /** Stored nowhere, its publisher was told so. */
  refused: number;
  /** No answer in time: stored or not. */
  unanswered: number;
  outstanding: number;
}

const GROWTH = 4_096;

/**
 * One publisher's part of the ledger: what became of each of its messages, by running number. A message costs 22 bytes,
 * so that hundreds of thousands are no burden.
 */
export class PublisherBook {
  readonly name: string;
  readonly kind: PublisherKind;
  readonly subjects: readonly string[];
  /** Reason of refusals and missing answers to how many, by code. */
  readonly errors = new Map<string, number>();
  /** Names of the streams that acked; `stream` of a message is an index here. */
  readonly streams: string[] = [];
  #sent = 0;
  #longest = 0;
  readonly #counts = { acked: 0, refused: 0, unanswered: 0 };
  #state = new Uint8Array(GROWTH);
  #stream = new Uint8Array(GROWTH);
  #seq = new Float64Array(GROWTH);
  #sentAt = new Float64Array(GROWTH);
  #latency = new Float32Array(GROWTH);

  constructor(name: string, kind: PublisherKind, subjects: readonly string[]) {
    this.name = name;
    this.kind = kind;
    this.subjects = subjects;
  }

  /** The running number of a message that goes out now. */
  begin(): number {
    const n = this.#sent++;
    if (n === this.#state.length) this.#grow();
    this.#sentAt[n] = performance.now();
    return n;
  }

  end(n: number, outcome: PublishOutcome): void {
    const waited = performance.now() - this.#sentAt[n]!;
    this.#latency[n] = waited;
    this.#longest = Math.max(this.#longest, waited);
    if (outcome.status === 'stored') {
      this.#state[n] = MessageState.acked;
      this.#counts.acked++;
      this.#stream[n] = this.#indexOf(outcome.stream);
      this.#seq[n] = outcome.seq;
    } else {
      this.#state[n] = MessageState[outcome.status];
      this.#counts[outcome.status]++;
      this.errors.set(outcome.code, (this.errors.get(outcome.code) ?? 0) + 1);
    }
  }

  get sent(): number {
    return this.#sent;
  }

  counts(): BookCounts {
    const { acked, refused, unanswered } = this.#counts;
    const outstanding = this.#sent - acked - refused - unanswered;
    return { sent: this.#sent, acked, refused, unanswered, outstanding };
  }

  stateOf(n: number): number {
    return this.#state[n]!;
  }

  isAcked(n: number): boolean {
    return this.#state[n] === MessageState.acked;
  }

  /** Subjects are taken in turn. */
  subjectOf(n: number): string {
    return this.subjects[n % this.subjects.length]!;
  }

  /** Where the PubAck said it is; undefined unless it was acked. */
  ackOf(n: number): { stream: string; seq: number } | undefined {
    return this.isAcked(n) ? { stream: this.streams[this.#stream[n]!]!, seq: this.#seq[n]! } : undefined;
  }

  /** Of the answered ones (acked), ms. */
  latencies(): Float32Array {
    return this.#latency.subarray(0, this.#sent).filter((_, n) => this.isAcked(n));
  }

  /** The longest any publish has taken, answered or given up, ms. */
  longestWaitMs(): number {
    return this.#longest;
  }

  #indexOf(stream: string): number {
    const known = this.streams.indexOf(stream);
    return known >= 0 ? known : this.streams.push(stream) - 1;
  }

  #grow(): void {
    const size = this.#state.length * 2;
    const grown = <T extends { set(old: T): void }>(next: T, old: T): T => {
      next.set(old);
      return next;
    };
    this.#state = grown(new Uint8Array(size), this.#state);
    this.#stream = grown(new Uint8Array(size), this.#stream);
    this.#seq = grown(new Float64Array(size), this.#seq);
    this.#sentAt = grown(new Float64Array(size), this.#sentAt);
    this.#latency = grown(new Float32Array(size), this.#latency);
  }
}
