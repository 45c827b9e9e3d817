import type { DeadLetter } from './deadLetter.ts';
import type { Stored } from './readStored.ts';

/** Clocks of servers that work together differ by less, ms. */
export const CLOCKS_MS = 1_000;

/**
 * Whether a letter that stands under a message's id is that message's own. In a stream that was made anew sequences begin again,
 * and the letter may be the one of an earlier message at that place. What cannot be told apart counts as the same.
 */
export function isLetterOf(standing: Stored, letter: DeadLetter): boolean {
  const header = (name: string): string => standing.headers?.get(name) ?? '';
  const storedMs = Date.parse(header('AA-Dlq-Stored'));
  const isDated = !Number.isNaN(storedMs);
  if (letter.reason === 'expired') return !isDated || storedMs <= letter.atMs + CLOCKS_MS;
  if (header('AA-Dlq-Reason') === 'expired') return false; // its message was gone, this one is not
  const samePlace = header('AA-Dlq-Stream') === letter.stream && header('AA-Dlq-Seq') === String(letter.seq);
  if (isDated && samePlace) return storedMs === letter.atMs;
  if (isDated) return isSameMessage(standing, letter); // a copy, or what it is a copy of
  return letter.headers?.has('Nats-Stream-Source') === true || standing.storedMs >= letter.atMs;
}

function isSameMessage({ headers, data }: Stored, letter: DeadLetter): boolean {
  const messageId = headers?.get('AA-Dlq-Msg-Id');
  const own = letter.headers?.get('Nats-Msg-Id');
  if (messageId && own && messageId !== own) return false;
  const omitted = headers?.get('AA-Dlq-Body-Omitted');
  return omitted ? Number(omitted) === letter.data.length : Buffer.compare(data, letter.data) === 0;
}
