import { setTimeout as delay } from 'node:timers/promises';
import type { JetStreamWriter } from './account.ts';
import type { Msg } from './clientTypes.ts';
import { newInbox } from './connect.ts';
import { createReader } from './createReader.ts';
import { Delivered, type StreamMessage } from './delivered.ts';
import { statusOf } from './headers.ts';

/**
 * What a stream stores from a point on, read as it comes: when publishers wait for it, it is there already. Making a reader then has
 * kept them waiting for 10 to 100 ms in a cluster.
 */
export interface Tail {
  /** All that was stored through a sequence, and what has come behind it; undefined where it cannot tell in time: the range is to be read then. */
  through(seq: number): Promise<StreamMessage[] | undefined>;
  close(): Promise<void>;
}

/** It follows for the time of a window, at the rate of its publishers. */
const MAX_MESSAGES = 50_000;
const MAX_BYTES = 64 * 1024 * 1024;
/** ms for a replica to have what its leader has, and between two looks. */
const LATE_MS = 250;
const POLL_MS = 1;

/** Undefined where nobody may read the stream beside its own consumers, or the server refuses: nothing depends on it. */
export async function followTail(
  account: JetStreamWriter,
  stream: string,
  fromSeq: number,
): Promise<Tail | undefined> {
  const { connection, api } = account;
  const messages: StreamMessage[] = [];
  let bytes = 0;
  let isWhole = true;
  const inbox = newInbox(connection);
  const subscription = connection.subscribe(inbox, {
    callback: (error, delivered: Msg) => {
      if (error || !isWhole || statusOf(delivered).code > 0) return;
      const message = new Delivered(delivered);
      messages.push(message);
      bytes += message.data.length;
      isWhole =
        message.consumerSeq === messages.length && messages.length <= MAX_MESSAGES && bytes <= MAX_BYTES;
      if (!isWhole) subscription.unsubscribe();
    },
  });
  const created = await createReader(api, stream, fromSeq, { deliver_subject: inbox }).catch(() => undefined);
  if (!created) {
    subscription.unsubscribe();
    return undefined;
  }
  return {
    async through(seq) {
      const deadline = performance.now() + LATE_MS;
      const reached = (): boolean => seq < fromSeq || (messages.at(-1)?.seq ?? 0) >= seq;
      while (isWhole && !reached()) {
        if (performance.now() > deadline) return undefined;
        await delay(POLL_MS);
      }
      return isWhole ? [...messages] : undefined;
    },
    async close() {
      subscription.unsubscribe();
      await api(`CONSUMER.DELETE.${stream}.${created.name}`).catch(() => {});
    },
  };
}
