import { setTimeout as sleep } from 'node:timers/promises';
import { limitWarnings, type Log, messageOf } from '../shared/log.ts';
import type { NatsLink } from '../shared/natsLink.ts';
import { RETRY_DELAY_MS } from './config.ts';
import { storeDeadLetter } from './deadLetter.ts';
import type { Incoming, Outcome } from './message.ts';

/** Turns outcomes into what JetStream is told. */
export interface Settler {
  /** Acks, naks, or dead-letters and then terminates. Resolves when that is out; never rejects. */
  settle(incoming: Incoming, outcome: Outcome): Promise<void> | void;
  /** Not worked: to be delivered again at once. */
  giveBack(incoming: Incoming): void;
  /** Still working on it: the ack wait starts anew. */
  touch(incoming: Incoming): void;
}

export interface SettlerOptions {
  link: NatsLink;
  dlqPrefix: string;
  durable: string;
  log: Log;
  /** Told how each delivery ended: `retry` also where a dead letter could not be stored. */
  onSettled(incoming: Incoming, outcome: Outcome): void;
}

const ACK = '+ACK';
const NAK = '-NAK';
const TERM = '+TERM';
const WORKING = '+WPI';
const DEAD_LETTER_TRIES = 4;

export function createSettler(options: SettlerOptions): Settler {
  const { link, log } = options;
  const warn = limitWarnings(log, 20);
  /** What could not be said while there was no connection: the client forgets what is published then. */
  let unsent: [reply: string, payload: string][] = [];

  link.onChange((connected) => {
    if (!connected) return;
    const backlog = unsent;
    unsent = [];
    for (const [reply, payload] of backlog) tell(reply, payload);
  });

  function tell(reply: string, payload: string): void {
    if (link.connected()) link.tell(reply, payload);
    else unsent.push([reply, payload]);
  }

  const nak = (incoming: Incoming, delayMs: number): void =>
    tell(incoming.reply, `-NAK {"delay":${delayMs * 1e6}}`);

  /** First stored, then terminated: dying in between makes a second letter with the same id, which the stream drops. */
  async function bury(incoming: Incoming, outcome: Extract<Outcome, { kind: 'deadLetter' }>): Promise<void> {
    const { stream, seq, deliveries, subject, data, headers } = incoming;
    const place = { stream, seq, deliveries, subject, durable: options.durable };
    const letter = { ...outcome, ...place, data, headers };
    for (let attempt = 1; ; attempt++) {
      try {
        await storeDeadLetter(link.nc, options.dlqPrefix, letter);
        break;
      } catch (error) {
        if (attempt < DEAD_LETTER_TRIES) {
          await sleep(250 * 2 ** attempt * (0.5 + Math.random() / 2));
          continue;
        }
        log.error(
          `[normalize-hrv] Dead letter for ${stream} ${seq} could not be stored: ${messageOf(error)}. Not terminated.`,
        );
        nak(incoming, RETRY_DELAY_MS);
        options.onSettled(incoming, { kind: 'retry', delayMs: RETRY_DELAY_MS, error: messageOf(error) });
        return;
      }
    }
    tell(incoming.reply, TERM);
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
      if (outcome.kind === 'success') tell(incoming.reply, ACK);
      else nak(incoming, outcome.delayMs);
      options.onSettled(incoming, outcome);
    },
    giveBack: (incoming) => tell(incoming.reply, NAK),
    touch: (incoming) => {
      if (link.connected()) link.tell(incoming.reply, WORKING);
    },
  };
}
