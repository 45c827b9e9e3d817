import { setTimeout as sleep } from 'node:timers/promises';
import { isInvalid, parseHrvEvent } from '../shared/hrvEvent.ts';
import { messageOf } from '../shared/log.ts';
import { DatabaseAway } from './classify.ts';
import { RETRY_DELAY_MS } from './config.ts';
import type { Lane } from './lane.ts';
import { type Incoming, type Outcome, SUCCESS } from './message.ts';
import { type Candidate, newestOfEach } from './rows.ts';
import { type Failure, storeRows } from './store.ts';

/** What a handler hands back: an outcome for each message of the batch, in its order. */
export interface Handled {
  readonly outcomes: readonly Outcome[];
  /** Set when the batch failed because nothing can be written: the loop stops pulling until the database answers. */
  readonly away?: DatabaseAway;
  /** Whether the table took a row. */
  readonly stored?: boolean;
}

/**
 * The work itself: validates, computes, stores. Decides about outcomes, settles nothing. Never throws for anything that
 * a message or the database can do.
 */
export async function handleBatch(lane: Lane, batch: readonly Incoming[]): Promise<Handled> {
  const outcomes: Outcome[] = [];
  const candidates: Candidate[] = [];
  batch.forEach((incoming, place) => {
    const event = parseHrvEvent(incoming.data);
    if (isInvalid(event)) {
      outcomes[place] = { kind: 'deadLetter', reason: 'schema_invalid', error: event.message };
      return;
    }
    outcomes[place] = SUCCESS;
    candidates.push({
      place,
      event,
      capturedAtMs: event.capturedAtMs ?? incoming.storedMs,
      older: undefined,
    });
  });
  if (candidates.length === 0) return { outcomes };

  try {
    const failures = await storeRows(lane, newestOfEach(candidates));
    for (const [candidate, failure] of failures)
      outcomes[candidate.place] = await outcomeOf(failure, lane, batch[candidate.place]!, candidate);
    return { outcomes, stored: failures.size < candidates.length };
  } catch (error) {
    if (!(error instanceof DatabaseAway)) throw error;
    return blameDatabase(lane, batch, outcomes, candidates, error);
  }
}

const retryOf = (error: string) => ({ kind: 'retry', delayMs: RETRY_DELAY_MS, error }) as const;

async function outcomeOf(
  failure: Failure,
  lane: Lane,
  incoming: Incoming,
  candidate: Candidate,
): Promise<Outcome> {
  const { fault, error, unsure } = failure;
  if (fault === 'row') return { kind: 'deadLetter', reason: 'non_retryable', error };
  if (unsure) return { ...retryOf(error), unsure };
  return doubts.has(incoming) ? whileInDoubt(lane, incoming, candidate, error) : retryOf(error);
}

/**
 * The connection is gone, and whether the statement was committed is not known. All are retried; the upsert makes a second
 * time harmless. Only a message that is alone and whose connection was cut while the server is well can be to blame itself.
 */
async function blameDatabase(
  lane: Lane,
  batch: readonly Incoming[],
  outcomes: Outcome[],
  candidates: readonly Candidate[],
  error: DatabaseAway,
): Promise<Handled> {
  const retry = retryOf(messageOf(error));
  for (const { place } of candidates) outcomes[place] = { ...retry, unsure: true };
  if (candidates.length > 1 || !error.cut) return { outcomes, away: error };
  const candidate = candidates[0]!;
  try {
    await lane.probe();
    const outcome = (await lane.isStored(candidate))
      ? SUCCESS
      : await whileInDoubt(lane, batch[candidate.place]!, candidate, retry.error);
    outcomes[candidate.place] = outcome;
    return { outcomes, stored: outcome === SUCCESS };
  } catch {
    return { outcomes, away: error };
  }
}

/** How often each message that was alone was tried since its connection was cut first. */
const doubts = new WeakMap<Incoming, number>();
const TRIES_IN_DOUBT = 5;
const PAUSE_IN_DOUBT_MS = 1_000;

/**
 * The server may still be at work on what was cut, waiting for a lock or in its commit: a dead letter now could end beside a row.
 * Written again it queues behind that, so it is not given up before it was cut or held up some more times and what was cut last
 * has run out of time.
 */
async function whileInDoubt(
  lane: Lane,
  incoming: Incoming,
  candidate: Candidate,
  error: string,
): Promise<Outcome> {
  const tries = (doubts.get(incoming) ?? 0) + 1;
  doubts.set(incoming, tries);
  if (tries < TRIES_IN_DOUBT) {
    await sleep(PAUSE_IN_DOUBT_MS);
    return { ...retryOf(error), unsure: true };
  }
  await sleep(lane.statementTimeoutMs());
  return (await lane.isStored(candidate)) ? SUCCESS : retryOf(error);
}
