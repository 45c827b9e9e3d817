import type { ConnectSettings } from '@aa-ops/topology';
import type { BookCounts } from './book.ts';
import { Ledger } from './ledger.ts';
import { openNatsSender, type PublisherSpec } from './natsSender.ts';
import { runSender } from './runSender.ts';
import type { Sender } from './sender.ts';

export interface TrafficOptions {
  /** Stops the sending, as `stop` does. */
  signal?: AbortSignal;
  /** Default: a new one. */
  ledger?: Ledger;
}

/** Publishers at work. */
export interface Traffic {
  readonly ledger: Ledger;
  counts(): BookCounts;
  /** Sends nothing more, waits for outstanding answers, closes the connections. Throws what broke a publisher. */
  stop(): Promise<void>;
}

/** Starts publishers, each with a connection of its own. */
export async function startTraffic(
  settings: ConnectSettings,
  specs: readonly PublisherSpec[],
  options: TrafficOptions = {},
): Promise<Traffic> {
  return startSenders(await openSenders(settings, specs), options);
}

/** Connects publishers without starting them; none is left open when one fails. */
export async function openSenders(
  settings: ConnectSettings,
  specs: readonly PublisherSpec[],
): Promise<Sender[]> {
  const opened = await Promise.allSettled(specs.map((spec) => openNatsSender(settings, spec)));
  const senders = opened.flatMap((it) => (it.status === 'fulfilled' ? [it.value] : []));
  const failed = opened.find((it) => it.status === 'rejected');
  if (!failed) return senders;
  await Promise.all(senders.map((sender) => sender.close()));
  throw failed.reason;
}

/** Starts senders of any kind. They are closed by `stop`. */
export function startSenders(senders: readonly Sender[], options: TrafficOptions = {}): Traffic {
  const ledger = options.ledger ?? new Ledger();
  const stopping = new AbortController();
  const stop = (): void => stopping.abort();
  if (options.signal?.aborted) stop();
  options.signal?.addEventListener('abort', stop, { once: true });
  const running = Promise.allSettled(
    senders.map((sender) => {
      const book = ledger.open(sender.name, sender.kind, sender.subjects);
      return runSender(sender, book, ledger.run, stopping.signal);
    }),
  );
  let stopped: Promise<void> | undefined;
  return {
    ledger,
    counts: () => ledger.counts(),
    stop: () => (stopped ??= finish()),
  };

  async function finish(): Promise<void> {
    stop();
    options.signal?.removeEventListener('abort', stop);
    const results = await running;
    await Promise.all(senders.map((sender) => sender.close()));
    const broken = results.find((result) => result.status === 'rejected');
    if (broken) throw broken.reason;
  }
}
