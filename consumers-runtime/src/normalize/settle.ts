import { createBackoff } from '../shared/backoff.ts';
import { limitWarnings, type Log, messageOf } from '../shared/log.ts';
import type { NatsLink } from '../shared/natsLink.ts';
import { type DeadLetter, storeDeadLetter } from './deadLetter.ts';
import type { Incoming, Outcome } from './message.ts';

/** Turns outcomes into what JetStream is told. */
export interface Settler {
  /** Acks, naks, or dead-letters and then terminates. Resolves when that is out; never rejects. */
  settle(incoming: Incoming, outcome: Outcome): Promise<void> | void;
  /**
   * Not settled: to be delivered again at once. On its last delivery the server would drop it at once instead, and tell the sweeper,
   * while its statement may still run and its letter be on its way: it gets another ack wait, longer than any statement.
   */
  giveBack(incoming: Incoming): void;
  /** Says what waited, as far as it can be said now. */
  sayAgain(): void;
  /** Resolves when nothing waits for NATS to return, or at the deadline. */
  flush(deadline: AbortSignal): Promise<void>;
  /** Messages whose dead letters could not be stored so far. */
  unburied(): number;
  /** Still working on it: the ack wait starts anew. */
  touch(incoming: Incoming): void;
}

export interface SettlerOptions {
  link: NatsLink;
  dlqPrefix: string;
  durable: string;
  /** Of a delivery; -1 is without end. */
  maxDeliver(): number;
  log: Log;
  /** Whether this letter stands. */
  isBuried(letter: DeadLetter): Promise<boolean>;
  /** Ends the tries to store dead letters. */
  signal: AbortSignal;
  /** Told how each delivery ended. */
  onSettled(incoming: Incoming, outcome: Outcome): void;
}

const ACK = '+ACK';
const NAK = '-NAK';
const TERM = '+TERM';
const WORKING = '+WPI';
/** After so many tries, some 2 s, it is not a moment's failure. */
const DEAD_LETTER_TRIES = 4;

export function createSettler(options: SettlerOptions): Settler {
  const { link, log } = options;
  const warn = limitWarnings(log, 20);
  /** What could not be said while there was no connection (the client forgets what is published then), or while it was not known whether the stream is the same. */
  let unsent: [incoming: Incoming, payload: string][] = [];
  let whenSaid: (() => void) | undefined;

  /** Whose letters had to wait. */
  const stuck = new Set<Incoming>();

  function sayAgain(): void {
    const backlog = unsent;
    unsent = [];
    for (const [incoming, payload] of backlog) tell(incoming, payload);
    if (unsent.length === 0) whenSaid?.();
  }

  function tell(incoming: Incoming, payload: string): void {
    const { state } = incoming.tie;
    if (state === 'sure' && link.connected()) link.tell(incoming.reply, payload);
    else if (state !== 'gone') unsent.push([incoming, payload]);
  }

  const nak = (incoming: Incoming, delayMs: number): void =>
    tell(incoming, `-NAK {"delay":${delayMs * 1e6}}`);

  /**
   * First stored, then terminated: dying in between brings it again, and then its letter is looked for first. Tried for as
   * long as it takes, the message held and touched: given back, it would use up its deliveries, and behind the last one the
   * server drops it without a word.
   */
  async function bury(incoming: Incoming, outcome: Extract<Outcome, { kind: 'deadLetter' }>): Promise<void> {
    const { stream, seq, deliveries, subject, data, headers } = incoming;
    const place = { stream, seq, deliveries, subject, durable: options.durable, atMs: incoming.storedMs };
    const letter: DeadLetter = { ...outcome, ...place, data, headers };
    // A copy is delivered here for the first time, however long ago the letter of what it is a copy of was stored.
    const mayBeBuried = deliveries > 1 || headers?.has('Nats-Stream-Source') === true;
    const backoff = createBackoff(500, 5_000);
    for (let attempt = 1; ; attempt++) {
      try {
        if (!mayBeBuried || !(await options.isBuried(letter)))
          await storeDeadLetter(link.nc, options.dlqPrefix, letter);
        break;
      } catch (error) {
        if (attempt === DEAD_LETTER_TRIES) {
          stuck.add(incoming);
          warn(
            `[normalize-hrv] Dead letter for ${stream} ${seq} could not be stored: ${messageOf(error)}. Not terminated. Trying again, and pulling nothing until it is.`,
          );
        }
        await backoff.pause(options.signal);
        if (options.signal.aborted) return; // given back by now
      }
    }
    stuck.delete(incoming);
    tell(incoming, TERM);
    warn(`[normalize-hrv] Dead letter ${outcome.reason}: ${stream} ${seq}: ${outcome.error}`, {
      stream,
      seq,
      deliveries,
      reason: outcome.reason,
    });
    options.onSettled(incoming, outcome);
  }

  return {
    settle(incoming, outcome) {
      if (outcome.kind === 'deadLetter') return bury(incoming, outcome);
      if (outcome.kind === 'success') tell(incoming, ACK);
      else nak(incoming, outcome.delayMs);
      options.onSettled(incoming, outcome);
    },
    giveBack(incoming) {
      const last = options.maxDeliver() > 0 && incoming.deliveries >= options.maxDeliver();
      tell(incoming, last ? WORKING : NAK);
    },
    sayAgain,
    async flush(deadline) {
      if (unsent.length === 0 || deadline.aborted) return;
      await new Promise<void>((resolve) => {
        whenSaid = resolve;
        deadline.addEventListener('abort', () => resolve(), { once: true });
      });
    },
    unburied: () => stuck.size,
    touch: (incoming) => {
      if (incoming.tie.state === 'sure' && link.connected()) link.tell(incoming.reply, WORKING);
    },
  };
}
