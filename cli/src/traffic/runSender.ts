import type { PublisherBook } from './book.ts';
import { openPace } from './pace.ts';
import type { Sender } from './sender.ts';

/** Sends until the signal says stop, or its limit, then waits for what is outstanding. Everything is written into the book. Throws what a sender threw. */
export async function runSender(
  sender: Sender,
  book: PublisherBook,
  run: string,
  signal: AbortSignal,
): Promise<void> {
  const pace = openPace(sender.ratePerSecond);
  const limit = sender.kind === 'waiting' ? 1 : sender.inFlight;
  const outstanding = new Set<Promise<void>>();
  let freed = (): void => {};
  let failure: { error: unknown } | undefined;
  while (!signal.aborted && !failure && book.sent < (sender.limit ?? Infinity)) {
    await pace.next(signal);
    if (signal.aborted) break;
    if (outstanding.size >= limit) await new Promise<void>((free) => (freed = free));
    if (signal.aborted) break;
    const n = book.begin();
    const sent = sender
      .send({ n, subject: book.subjectOf(n), run })
      .then(
        (outcome) => book.end(n, outcome),
        (error: unknown) => void (failure ??= { error }),
      )
      .then(() => {
        outstanding.delete(sent);
        freed();
      });
    outstanding.add(sent);
    if (limit === 1) await sent;
  }
  await Promise.all(outstanding);
  if (failure) throw failure.error;
}
