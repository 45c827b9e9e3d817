import { type JetStreamWriter, readRange, type StreamMessage } from '../../jetstream/index.ts';

/** One of the two streams that are compared, and which part of it; both ends inclusive. */
export interface Side {
  account: JetStreamWriter;
  stream: string;
  seqs: [first: number, last: number];
}

export interface ReadOptions {
  /** Absent: every subject. */
  filters?: string[];
  /** `false` leaves the payloads on the server: what is there, and in which order. */
  payloads: boolean;
  signal?: AbortSignal;
}

/** Reads one side message by message. A batch is waited for only when there is no message left: one promise a message would cost as much as comparing it. */
export class Cursor {
  readonly #batches: AsyncGenerator<StreamMessage[]>;
  #batch: StreamMessage[] = [];
  #at = 0;

  constructor({ account, stream, seqs }: Side, { filters, payloads, signal }: ReadOptions) {
    this.#batches = readRange(account, stream, {
      fromSeq: seqs[0],
      toSeq: seqs[1],
      headersOnly: !payloads,
      ...(filters ? { filters } : {}),
      ...(signal ? { signal } : {}),
    });
  }

  /** The message that is looked at; undefined where the batch is used up or there is none left: then `fill` tells. */
  get head(): StreamMessage | undefined {
    return this.#batch[this.#at];
  }

  /** Goes on by one within the batch. */
  step(): void {
    this.#at++;
  }

  /** The message that is looked at, waited for; undefined at the end. */
  async fill(): Promise<StreamMessage | undefined> {
    while (this.#at >= this.#batch.length) {
      const { value, done } = await this.#batches.next();
      if (done) return undefined;
      this.#batch = value;
      this.#at = 0;
    }
    return this.#batch[this.#at];
  }

  /** Ends the reading, wherever it is. */
  async close(): Promise<void> {
    await this.#batches.return(undefined);
  }
}
