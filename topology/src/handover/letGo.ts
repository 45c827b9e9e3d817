import type { JetStreamWriter, Msg, NatsConnection } from '../jetstream/index.ts';
import { covers } from '../subjects/sets.ts';
import { type Captor, type StoredAt, sortOutCaptured } from './captured.ts';
import { type HeldMessage, LET_GO_PREFIX } from './hold.ts';

export interface LetGoResult {
  /** Publishes that came while the hold stood. */
  held: number;
  republished: number;
  /** Captured by a stream by itself, or recognised by its `Nats-Msg-Id`. */
  alreadyStored: number;
  /** Refused by the stream (an expectation header, a limit): the refusal went to the publisher. */
  refused: number;
  /** Not answered in time: its publisher gets no answer either and has to try again. */
  unanswered: number;
}

/** One held message, and what became of it. */
export interface HeldFate {
  subject: string;
  outcome: Outcome;
}

const ACK_MS = 5_000;
const decoder = new TextDecoder();

/**
 * Publishes every held message that no stream captured by itself, in the order it came, headers and all, and passes each
 * answer on to its publisher. All at once on one connection: a publisher waits for the window and this, not for others.
 * `elsewhere` is what a process that died had begun to let go: its publishers get the place that the stream gave it.
 */
export async function letGo(
  account: JetStreamWriter,
  held: readonly HeldMessage[],
  captors: readonly Captor[],
  filters: readonly string[],
  elsewhere: readonly Msg[] = [],
): Promise<HeldFate[]> {
  if (held.length === 0) return [];
  const { missing, unanswered } = await sortOutCaptured(account, held, captors, filters, elsewhere);
  for (const [message, place] of unanswered) answerWith(account.connection, message, place);
  const outcomes = await republish(
    account.connection,
    missing.map(({ message }) => message),
  );
  return held.map(({ message }) => ({
    subject: message.subject,
    outcome: outcomes.get(message) ?? 'duplicate',
  }));
}

/** Where the dead process had passed the answer on already, this is a second one: its inbox has no taker any more. */
function answerWith(connection: NatsConnection, { reply }: Msg, { stream, seq }: StoredAt): void {
  if (reply) connection.publish(reply, JSON.stringify({ stream, seq }));
}

/** What became of the held messages on some subjects. */
export function countLetGo(fates: readonly HeldFate[], filters: readonly string[]): LetGoResult {
  const ours = fates.filter(({ subject }) => covers(filters, subject));
  const count = (outcome: Outcome): number => ours.filter((fate) => fate.outcome === outcome).length;
  return {
    held: ours.length,
    republished: count('stored'),
    alreadyStored: count('duplicate'),
    refused: count('refused'),
    unanswered: count('unanswered'),
  };
}

/** `stored` by letting go · `duplicate`: a stream had captured it itself. */
type Outcome = 'stored' | 'duplicate' | 'refused' | 'unanswered';

/**
 * All at once, in order. The answers come to a reserved subject: a hold of another process (the guardian's) tells by it
 * that what it hears is being let go already, and must not be held again.
 */
async function republish(connection: NatsConnection, messages: readonly Msg[]): Promise<Map<Msg, Outcome>> {
  const outcomes = new Map<Msg, Outcome>();
  if (messages.length === 0) return outcomes;
  const inbox = `${LET_GO_PREFIX}${Math.random().toString(36).slice(2)}`;
  await new Promise<void>((resolve) => {
    const finish = (): void => {
      clearTimeout(timer);
      subscription.unsubscribe();
      resolve();
    };
    const timer = setTimeout(finish, ACK_MS);
    const subscription = connection.subscribe(`${inbox}.*`, {
      callback: (_error, answer) => {
        const message = messages[Number(answer.subject.slice(inbox.length + 1))]!;
        if (message.reply) connection.publish(message.reply, answer.data);
        outcomes.set(message, outcomeOf(answer));
        if (outcomes.size === messages.length) finish();
      },
    });
    for (const [index, message] of messages.entries()) {
      connection.publish(message.subject, message.data, {
        reply: `${inbox}.${index}`,
        ...(message.headers ? { headers: message.headers } : {}),
      });
    }
  });
  for (const message of messages) if (!outcomes.has(message)) outcomes.set(message, 'unanswered');
  return outcomes;
}

function outcomeOf(answer: Msg): Outcome {
  try {
    const ack = JSON.parse(decoder.decode(answer.data)) as { error?: unknown; duplicate?: boolean };
    if (ack.error) return 'refused';
    return ack.duplicate ? 'duplicate' : 'stored';
  } catch {
    return 'unanswered'; // 503, or somebody who is no stream
  }
}
