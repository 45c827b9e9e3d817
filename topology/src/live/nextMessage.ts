import { messageOf, OpsError } from '../errors.ts';
import type { JetStreamReader, JetStreamWriter } from '../jetstream/account.ts';
import type { Msg } from '../jetstream/clientTypes.ts';
import { newInbox } from '../jetstream/connect.ts';
import { sequenceIn } from '../jetstream/delivered.ts';
import { statusOf } from '../jetstream/headers.ts';
import type { ConsumerInfo, StoredMessage } from '../jetstream/wire.ts';

/**
 * The message that a consumer would deliver next for the first time. Read from the stream, so nothing is delivered, counted
 * or acked; messages that were delivered and not acked come again apart from it. Undefined: nothing is pending.
 */
export async function peekNext(
  reader: Pick<JetStreamReader, 'message'>,
  { stream_name: stream, config, delivered }: ConsumerInfo,
): Promise<StoredMessage | undefined> {
  const single = config.filter_subject ? [config.filter_subject] : ['>'];
  const filters = config.filter_subjects?.length ? config.filter_subjects : single;
  const seq = delivered.stream_seq + 1;
  const found = await Promise.all(
    filters.map((filter) => reader.message(stream, { seq, nextBySubject: filter })),
  );
  return found
    .filter((message) => message !== undefined)
    .reduce<StoredMessage | undefined>(
      (least, one) => (least && least.seq < one.seq ? least : one),
      undefined,
    );
}

/** Takes the next message from a pull consumer and acks it, once the ack is confirmed: it is gone for the consumer's own reader. */
export async function takeNext(
  writer: JetStreamWriter,
  { stream_name: stream, name, config }: ConsumerInfo,
  timeoutMs: number,
): Promise<StoredMessage | undefined> {
  if (config.deliver_subject) {
    throw new OpsError(
      'consumer-is-push',
      `${name} on ${stream} is a push consumer: nothing can be pulled from it`,
      {
        kind: 'refused',
        hint: 'leave --ack away to see what comes next',
      },
    );
  }
  const delivery = await ask(
    writer,
    `${writer.apiPrefix}.CONSUMER.MSG.NEXT.${stream}.${name}`,
    PULL_ONE,
    timeoutMs,
  );
  if (statusOf(delivery).code >= 400 || !delivery.reply) return undefined;
  const message = await writer.message(stream, { seq: sequenceIn(delivery.reply) }); // an ack may delete it
  await ask(writer, delivery.reply, '+ACK', timeoutMs);
  return message;
}

const NO_RESPONDERS = 503;
const PULL_ONE = JSON.stringify({ batch: 1, no_wait: true });

/** By a subscription of its own: a delivery keeps its own subject, which the client's shared inbox would not know, and whatever headers it came with. */
function ask({ connection }: JetStreamWriter, subject: string, body: string, timeout: number): Promise<Msg> {
  return new Promise((resolve, reject) => {
    const inbox = newInbox(connection);
    const subscription = connection.subscribe(inbox, {
      callback(error, message: Msg) {
        end();
        if (error) reject(unanswered(subject, error));
        else if (statusOf(message).code === NO_RESPONDERS) reject(unanswered(subject, 'nobody hears it'));
        else resolve(message);
      },
    });
    const timer = setTimeout(() => {
      end();
      reject(unanswered(subject, `nothing came within ${timeout} ms`));
    }, timeout);
    const end = (): void => {
      clearTimeout(timer);
      subscription.unsubscribe();
    };
    connection.publish(subject, body, { reply: inbox });
  });
}

const unanswered = (subject: string, cause: unknown): OpsError =>
  new OpsError('next-unanswered', `${subject} was not answered: ${messageOf(cause)}`, {
    hint: 'the message, if one was delivered, comes again after its ack wait; is the right to publish there missing?',
    cause,
  });
