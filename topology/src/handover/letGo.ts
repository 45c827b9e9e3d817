import { createHash } from 'node:crypto';
import {
  type JetStreamWriter,
  type Msg,
  type NatsConnection,
  readRange,
  type StreamMessage,
} from '../jetstream/index.ts';
import { covers } from '../subjects/sets.ts';
import { type HeldMessage, LET_GO_PREFIX } from './hold.ts';

/** A stream that may have captured a held message itself: just before the release, or just after the take. */
export interface Captor {
  stream: string;
  fromSeq: number;
  /** `before` the window: its messages match held ones from the front; `after`: from the back. */
  side: 'before' | 'after';
}

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
 */
export async function letGo(
  account: JetStreamWriter,
  held: readonly HeldMessage[],
  captors: readonly Captor[],
  filters: readonly string[],
): Promise<HeldFate[]> {
  if (held.length === 0) return [];
  const missing = await withoutCaptured(account, held, captors, filters);
  const outcomes = await republish(
    account.connection,
    missing.map(({ message }) => message),
  );
  return held.map(({ message }) => ({
    subject: message.subject,
    outcome: outcomes.get(message) ?? 'duplicate',
  }));
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

/**
 * Leaves out what a stream captured by itself. Messages are compared as a multiset (subject, headers, payload), since
 * equal ones without an id cannot be told apart: those captured before the window are the first of their kind that were
 * held, those captured after it the last, so that the right publisher gets its one answer.
 */
async function withoutCaptured(
  account: JetStreamWriter,
  held: readonly HeldMessage[],
  captors: readonly Captor[],
  filters: readonly string[],
): Promise<HeldMessage[]> {
  const [before, after] = await Promise.all([
    countCaptured(
      account,
      captors.filter(({ side }) => side === 'before'),
      filters,
    ),
    countCaptured(
      account,
      captors.filter(({ side }) => side === 'after'),
      filters,
    ),
  ]);
  const keys = held.map(({ message }) => keyOfHeld(message));
  const captured = new Set<number>();
  const strike = (index: number, counts: Map<string, number>): void => {
    const left = counts.get(keys[index]!) ?? 0;
    if (left === 0 || captured.has(index)) return;
    counts.set(keys[index]!, left - 1);
    captured.add(index);
  };
  for (let i = 0; i < held.length; i++) strike(i, before);
  for (let i = held.length - 1; i >= 0; i--) strike(i, after);
  return held.filter((_message, index) => !captured.has(index));
}

async function countCaptured(
  account: JetStreamWriter,
  captors: readonly Captor[],
  filters: readonly string[],
) {
  const counts = new Map<string, number>();
  await Promise.all(
    captors.map(async ({ stream, fromSeq }) => {
      for await (const batch of readRange(account, stream, { fromSeq, filters: [...filters] })) {
        for (const message of batch) {
          if (message.headers.has('Nats-Stream-Source')) continue; // a copy: its original is counted
          const key = keyOfStored(message);
          counts.set(key, (counts.get(key) ?? 0) + 1);
        }
      }
    }),
  );
  return counts;
}

const keyOfStored = ({ subject, headers, data }: StreamMessage): string => keyOf(subject, headers, data);

const keyOfHeld = ({ subject, headers, data }: Msg): string =>
  keyOf(subject, new Map(headers ? [...headers] : []), data);

function keyOf(subject: string, headers: Map<string, string[]>, data: Uint8Array): string {
  const hash = createHash('sha256').update(subject);
  for (const name of [...headers.keys()].sort()) hash.update(`\0${name}\0${headers.get(name)!.join('\0')}`);
  return hash.update('\0\0').update(data).digest('base64');
}
