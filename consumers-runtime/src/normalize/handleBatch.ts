import { isInvalid, parseHrvEvent } from '../shared/hrvEvent.ts';
import { messageOf } from '../shared/log.ts';
import { DatabaseAway } from './classify.ts';
import { RETRY_DELAY_MS } from './config.ts';
import type { Lane } from './lane.ts';
import { type Incoming, type Outcome, SUCCESS } from './message.ts';
import { type Candidate, newestOfEach } from './rows.ts';
import { storeRows } from './store.ts';

/** What a handler hands back: an outcome for each message of the batch, in its order. */
export interface Handled {
  readonly outcomes: readonly Outcome[];
  /** Set when the batch failed because nothing can be written: the loop stops pulling until the database answers. */
  readonly away?: DatabaseAway;
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
    for (const [candidate, { fault, error }] of await storeRows(lane, newestOfEach(candidates))) {
      outcomes[candidate.place] =
        fault === 'row'
          ? { kind: 'deadLetter', reason: 'non_retryable', error }
          : { kind: 'retry', delayMs: RETRY_DELAY_MS, error };
    }
    return { outcomes };
  } catch (error) {
    if (!(error instanceof DatabaseAway)) throw error;
    return blameDatabase(lane, outcomes, candidates, error);
  }
}

/**
 * The connection is gone, and whether the statement was committed is not known. All are retried; the upsert makes a second
 * time harmless. Only a message that is alone and whose connection was cut while the server is well can be to blame itself.
 */
async function blameDatabase(
  lane: Lane,
  outcomes: Outcome[],
  candidates: readonly Candidate[],
  error: DatabaseAway,
): Promise<Handled> {
  const retry = { kind: 'retry', delayMs: RETRY_DELAY_MS, error: messageOf(error) } as const;
  for (const { place } of candidates) outcomes[place] = { ...retry, unsure: true };
  if (candidates.length > 1) return { outcomes, away: error };
  const candidate = candidates[0]!;
  try {
    await lane.probe();
    outcomes[candidate.place] = (await lane.isStored(candidate)) ? SUCCESS : retry;
    return { outcomes };
  } catch {
    return { outcomes, away: error };
  }
}
