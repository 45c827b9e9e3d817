import type { JetStreamWriter } from './account.ts';
import type { Msg } from './clientTypes.ts';
import { newInbox } from './connect.ts';
import { Delivered, type StreamMessage } from './delivered.ts';
import { statusOf } from './headers.ts';

/** A message that a durable delivered and that waits for its ack. */
export interface DeliveredMessage extends StreamMessage {
  /** Confirmed by the server. */
  ack(): Promise<void>;
}

/** How long an empty durable may take to say so, ms. */
const ANSWER_MS = 5_000;

/** What a durable pull consumer has to deliver right now, at most `batch`; empty where there is nothing, or no such durable. */
export function pullDurable(
  account: JetStreamWriter,
  stream: string,
  durable: string,
  batch: number,
): Promise<DeliveredMessage[]> {
  const { connection, apiPrefix } = account;
  return new Promise((resolve) => {
    const inbox = newInbox(connection);
    const messages: DeliveredMessage[] = [];
    const finish = (): void => {
      clearTimeout(timer);
      subscription.unsubscribe();
      resolve(messages);
    };
    const timer = setTimeout(finish, ANSWER_MS);
    const subscription = connection.subscribe(inbox, {
      callback: (error, message: Msg) => {
        if (error || statusOf(message).code >= 100) return finish();
        messages.push(delivered(account, message));
        if (messages.length >= batch) finish();
      },
    });
    const body = JSON.stringify({ batch, no_wait: true });
    connection.publish(`${apiPrefix}.CONSUMER.MSG.NEXT.${stream}.${durable}`, body, { reply: inbox });
  });
}

const ACK = new TextEncoder().encode('+ACK');

const delivered = ({ connection }: JetStreamWriter, message: Msg): DeliveredMessage =>
  Object.assign(new Delivered(message), {
    ack: async () => void (await connection.request(message.reply!, ACK, { timeout: ANSWER_MS })),
  });
