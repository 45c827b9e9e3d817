import { covers } from '../subjects/sets.ts';
import type { JetStreamWriter } from './account.ts';
import type { Msg } from './clientTypes.ts';
import { newInbox } from './connect.ts';
import type { StreamMessage } from './delivered.ts';
import { bytesOf, MessageHeaders, headersOf, statusOf } from './headers.ts';

/** Messages and bytes of one answer. */
const BATCH = 1_000;
const BATCH_BYTES = 8 * 1_024 * 1_024;
/** ms of silence after which the rest is left to others. */
const SILENCE_MS = 2_000;

/** What a direct get adds behind a message's own headers begins with this one; subject, sequence, time and, in a batch, the sequence before it follow (ADR-31). */
const FIRST_ADDED = '\r\nNats-Stream:';

/**
 * Reads on from a sequence by direct gets of many messages each (ADR-31, nats-server 2.11 and newer), whether durables claim them or not.
 * Returns the sequence from which on nothing was read: behind `toSeq`; where there seems to be nothing more, since a mirror that lags says so as well;
 * or where the stream itself does not answer so (an older server, a mirror, rights that are missing).
 */
export async function* readDirectBatches(
  account: JetStreamWriter,
  stream: string,
  { fromSeq, toSeq, filters, signal }: DirectRange,
): AsyncGenerator<StreamMessage[], number> {
  let next = fromSeq;
  while (next <= toSeq) {
    signal?.throwIfAborted();
    const { messages, isWhole } = await getBatch(account, stream, next, Math.min(BATCH, toSeq - next + 1));
    const wanted = messages.filter(({ seq, subject }) => seq <= toSeq && covers(filters, subject));
    if (wanted.length > 0) yield wanted;
    next = (messages.at(-1)?.seq ?? next - 1) + 1;
    if (!isWhole || messages.length === 0) break;
  }
  return next;
}

export interface DirectRange {
  fromSeq: number;
  /** Inclusive. */
  toSeq: number;
  filters: readonly string[];
  signal?: AbortSignal | undefined;
}

interface Batch {
  messages: StreamMessage[];
  /** Ended by the server's word, and without a gap. */
  isWhole: boolean;
}

function getBatch(
  { connection, apiPrefix }: JetStreamWriter,
  stream: string,
  seq: number,
  batch: number,
): Promise<Batch> {
  return new Promise((resolve) => {
    const messages: StreamMessage[] = [];
    const inbox = newInbox(connection);
    const finish = (isWhole: boolean): void => {
      clearTimeout(timer);
      subscription.unsubscribe();
      resolve({ messages, isWhole });
    };
    const timer = setTimeout(() => finish(false), SILENCE_MS);
    const subscription = connection.subscribe(inbox, {
      callback: (error, answer: Msg) => {
        timer.refresh();
        if (error || bytesOf(answer).payloadAt === 0) return finish(false);
        // 204 is the end of the batch, 404 that there is nothing from there on.
        const { code } = statusOf(answer);
        if (code > 0) return finish([204, 404].includes(code));
        const { from, behind, ...message } = parseDirect(answer);
        if (from !== stream || behind !== (messages.at(-1)?.seq ?? 0)) return finish(false);
        messages.push(message);
      },
    });
    connection.publish(
      `${apiPrefix}.DIRECT.GET.${stream}`,
      JSON.stringify({ seq, batch, max_bytes: BATCH_BYTES }),
      { reply: inbox },
    );
  });
}

/** `from`: whose it is · `behind`: the sequence of the message before it in this batch, 0 for the first; NaN from a server that knows no batches. */
function parseDirect(answer: Msg): StreamMessage & { from: string | undefined; behind: number } {
  const { bytes, payloadAt } = bytesOf(answer);
  const ownEnd = headersOf(answer).text.lastIndexOf(FIRST_ADDED); // the message may have some of these names itself
  const added = new MessageHeaders(bytes.subarray(Math.max(0, ownEnd), payloadAt));
  return {
    subject: added.first('Nats-Subject') ?? '',
    seq: Number(added.first('Nats-Sequence')),
    timeMs: Date.parse(added.first('Nats-Time-Stamp') ?? ''),
    headers: new MessageHeaders(bytes, Math.max(0, ownEnd)),
    data: bytes.subarray(payloadAt),
    from: added.first('Nats-Stream'),
    behind: Number(added.first('Nats-Last-Sequence')),
  };
}
