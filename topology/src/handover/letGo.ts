import { setTimeout as delay } from 'node:timers/promises';
import {
  headersOf,
  type JetStreamWriter,
  type Msg,
  type NatsConnection,
  publishAgain,
  statusOf,
} from '../jetstream/index.ts';
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
  /** Waited longer than others: a stream might still have captured it by itself, so it was looked for a second time. */
  lookedForTwice: number;
}

/** One held message, and what became of it. */
export interface HeldFate {
  subject: string;
  outcome: Outcome;
  lookedForTwice: boolean;
}

/** ms for the answers to one round, and rounds: together as long as a server may take to come back. */
const ACK_MS = 5_000;
const MAX_ROUNDS = 5;
/** ms for a publish that a stream is about to capture: many times what a thread waits for its turn where nothing else is at work. */
const LATE_MS = 30;
/** ms that ending the hold takes at most there (21 with three servers, 10 with one); where it takes longer, the machines are busy, and threads wait as well. */
const QUIET_MS = 25;
const MAX_LATE_MS = 500;
const lateFor = (endedInMs: number): number =>
  endedInMs <= QUIET_MS ? LATE_MS : Math.min(MAX_LATE_MS, 2 * endedInMs);
const decoder = new TextDecoder();

export interface LetGoOptions {
  /** What a process that died had begun to let go: its publishers get the place that the stream gave it. */
  elsewhere?: readonly Msg[];
  /** By stream, the sequence up to which it has to be read. */
  reached?: ReadonlyMap<string, number>;
  /** By stream, its last sequence where it was told a moment ago: the first look does not ask for it again. */
  lasts?: ReadonlyMap<string, number>;
  /** How long the end of the hold took, its barriers included, ms: a few round trips, and whatever the machines in between are busy with. */
  endedInMs?: number;
  /** Has everything stored that any server routed before, as the end of the hold had: what a later round reads holds it. */
  barrier?(): Promise<void>;
}

/**
 * Publishes every held message that no stream captured by itself, in the order it came, headers and all, and passes each
 * answer on to its publisher. All at once on one connection: a publisher waits for the window and this, not for others.
 * What gets no answer (a server that restarts) is looked for in the streams, and published again if it is not there.
 */
export async function letGo(
  account: JetStreamWriter,
  held: readonly HeldMessage[],
  captors: readonly Captor[],
  filters: readonly string[],
  {
    elsewhere = [],
    reached = new Map(),
    lasts = new Map(),
    endedInMs = 0,
    barrier = async () => {},
  }: LetGoOptions = {},
): Promise<HeldFate[]> {
  if (held.length === 0) return [];
  const outcomes = new Map<Msg, Outcome>();
  const sent = new Set(elsewhere);
  const lookedForTwice = new Set<HeldMessage>();
  for (let round = 1; ; round++) {
    const stored = new Set([...outcomes].flatMap(([message, fate]) => (fate === 'stored' ? [message] : [])));
    const { missing, unanswered } = await sortOutCaptured(
      account,
      held,
      captors.map((captor) => ({
        ...captor,
        throughSeq: Math.max(captor.throughSeq ?? 0, reached.get(captor.stream) ?? 0),
        lastSeq: round === 1 ? lasts.get(captor.stream) : undefined,
      })),
      filters,
      [...sent].filter((message) => !stored.has(message)),
      stored,
    );
    for (const [message, place] of unanswered) {
      answerWith(account.connection, message, place);
      if (outcomes.has(message)) outcomes.set(message, 'stored');
    }
    const open = missing.filter(({ message }) => isOpen(outcomes.get(message)));
    const late = round === 1 ? open.filter(mayComeLate) : [];
    for (const one of late) lookedForTwice.add(one);
    const again = open.filter((one) => !late.includes(one)).map(({ message }) => message);
    const answered = await republish(account.connection, again);
    for (const [message, outcome] of answered) outcomes.set(message, outcome);
    const isAnswered = ![...outcomes.values()].includes('unanswered');
    if ((isAnswered && late.length === 0) || round === MAX_ROUNDS) break;
    for (const message of again) sent.add(message);
    if (late.length > 0) await delay(lateFor(endedInMs));
    if (isAnswered) continue;
    await account.connection.flush().catch(() => {}); // behind what is still on its way to the server
    await barrier();
  }
  return held.map((one) => ({
    subject: one.message.subject,
    outcome: outcomes.get(one.message) ?? 'duplicate',
    lookedForTwice: lookedForTwice.has(one),
  }));
}

/**
 * Nothing orders what one server puts into two queues, the hold's and the stream's, against what comes to it otherwise: a thread that has to wait
 * in between is all it takes. An id would tell the stream; without one, and where that thread is not known to have passed the stream, it is looked for a
 * second time.
 */
const mayComeLate = ({ isEarly, hasPassed, message }: HeldMessage): boolean =>
  !isEarly && !hasPassed && !headersOf(message).has('Nats-Msg-Id');

/** Not tried yet, or without an answer. */
const isOpen = (outcome: Outcome | undefined): boolean => outcome === undefined || outcome === 'unanswered';

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
    lookedForTwice: ours.filter((fate) => fate.lookedForTwice).length,
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
      callback: (_error, answer: Msg) => {
        const message = messages[Number(answer.subject.slice(inbox.length + 1))]!;
        const outcome = outcomeOf(answer);
        if (!outcome) return;
        if (message.reply && outcome !== 'unanswered') connection.publish(message.reply, answer.data);
        outcomes.set(message, outcome);
        if (outcomes.size === messages.length) finish();
      },
    });
    for (const [index, message] of messages.entries()) publishAgain(connection, message, `${inbox}.${index}`);
  });
  for (const message of messages) if (!outcomes.has(message)) outcomes.set(message, 'unanswered');
  return outcomes;
}

/** A stream's word, which the publisher waits for; 503, nobody hears the subject just then; undefined: somebody who is no stream. */
function outcomeOf(answer: Msg): Outcome | undefined {
  if (statusOf(answer).code === 503) return 'unanswered';
  try {
    const ack = JSON.parse(decoder.decode(answer.data)) as Partial<StoredAt> & {
      error?: unknown;
      duplicate?: boolean;
    };
    if (ack.error) return 'refused';
    if (typeof ack.stream !== 'string' || typeof ack.seq !== 'number') return undefined;
    return ack.duplicate ? 'duplicate' : 'stored';
  } catch {
    return undefined;
  }
}
