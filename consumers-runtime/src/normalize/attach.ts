import type { JetStreamManager } from 'nats';
import { createBackoff, pause } from '../shared/backoff.ts';
import { type Log, messageOf } from '../shared/log.ts';
import type { NatsLink } from '../shared/natsLink.ts';
import { apiCode, type Binding, findConsumer, NO_STREAM, readConsumer, toBinding } from './bind.ts';
import type { NormalizeConfig } from './config.ts';
import { hears } from './hears.ts';
import type { Incoming, Tie } from './message.ts';
import { type Puller, startPulling } from './pull.ts';

/** The tie to the durable: made, watched, and made again when the durable goes away or a better one appears. */
export interface Attachment {
  /** As last read; undefined while there is none that is pulled from. */
  readonly binding: () => Binding | undefined;
  ask(): void;
  /** Asks for no more messages; resolves when none can be under way. */
  stop(): Promise<void>;
}

export interface AttachOptions {
  link: NatsLink;
  jsm: JetStreamManager;
  config: NormalizeConfig;
  room: () => number;
  roomBytes: () => number;
  onMessage(incoming: Incoming): void;
  onBound(binding: Binding): void;
  /** It is known again whether a stream is the one that messages came from. */
  onTie(): void;
  log: Log;
  signal: AbortSignal;
  /** Between two readings of the durable, more or less. */
  watchMs?: number;
}

/** How often the durable is read: its limits, its backlog, whether it is still the one we know, and whether a better candidate is there. */
const WATCH_MS = 10_000;
/** Lines about a durable that is still missing come this often, not at every look. */
const REPEAT_LOG_MS = 30_000;

/** Starts looking at once and never stops by itself. */
export function attach(options: AttachOptions): Attachment {
  const { link, jsm, config, log, signal, watchMs = WATCH_MS } = options;
  let binding: Binding | undefined;
  let puller: Puller | undefined;
  /** Of durables that were let go: what those had been asked for may come late, from a server that stood still. */
  const leaving = new Set<Puller>();
  /** Those that messages which are held may have come from. */
  let ties: Tie[] = [];
  const running = run();

  async function run(): Promise<void> {
    while (!signal.aborted) {
      const found = await find();
      if (!found) return;
      for (const one of leaving) void leave(one); // JetStream answers, so what is still to come has its end
      await work(found.binding, found.tie);
    }
  }

  async function leave(one: Puller): Promise<void> {
    await one.stop();
    leaving.delete(one);
  }

  /** Looks until a candidate has the durable, every 2 s at most. */
  async function find(): Promise<{ binding: Binding; tie: Tie } | undefined> {
    const backoff = createBackoff(250, 2_000);
    let quietUntil = 0;
    while (!signal.aborted) {
      const speak = performance.now() >= quietUntil;
      if (speak) quietUntil = performance.now() + REPEAT_LOG_MS;
      try {
        const found = await findConsumer(jsm, config, speak ? log : onlyGoodNews(log));
        if (found) return { binding: found, tie: await tieTo(found.stream) };
      } catch (error) {
        if (speak)
          log.warn(
            `[normalize] JetStream does not tell about consumer ${config.durable}: ${messageOf(error)}`,
          );
      }
      await backoff.pause(signal);
    }
    return undefined;
  }

  /** Read before the first request, so that no message is taken for one of an older stream's than it is. */
  async function tieTo(stream: string): Promise<Tie> {
    const { created } = await jsm.streams.info(stream);
    const known = ties.find((tie) => tie.stream === stream && tie.created === created);
    const tie: Tie = known ?? { stream, created, state: 'sure' };
    for (const other of ties) if (other.stream === stream && other !== tie) other.state = 'gone';
    tie.state = 'sure';
    ties = [...ties.filter((one) => one !== tie && one.state !== 'gone'), tie];
    options.onTie();
    return tie;
  }

  /** Finds out whether the stream is still the one that messages came from; what is to be said of them waits until then, also while the process stops. */
  async function ask(tie: Tie): Promise<void> {
    if (tie.state !== 'sure') return;
    tie.state = 'asked';
    const backoff = createBackoff(50, 1_000);
    const never = new AbortController().signal;
    while (tie.state === 'asked' && !link.nc.isClosed()) {
      try {
        if (link.connected()) {
          const { created } = await jsm.streams.info(tie.stream);
          tie.state = created === tie.created ? 'sure' : 'gone';
          break;
        }
      } catch (error) {
        if (apiCode(error) === NO_STREAM) tie.state = 'gone';
      }
      await backoff.pause(never);
    }
    options.onTie();
    puller?.ask();
  }

  /** Pulls until the durable is lost or a better one is found. */
  async function work(found: Binding, tie: Tie): Promise<void> {
    /** Ends the pause between two looks. */
    const wake = new AbortController();
    /** Said once and for all, by the puller or by the watch, whichever is first. */
    let lost: string | undefined;
    const lose = (why: string | undefined): void => {
      if (why === undefined || lost !== undefined) return;
      lost = why;
      binding = undefined;
      void ask(tie);
      wake.abort();
    };
    if (signal.aborted) return; // nobody would stop the puller
    binding = found;
    options.onBound(found);
    puller = startPulling({
      nc: link.nc,
      tie,
      durable: found.durable,
      limits: () => (binding ?? found).limits,
      connected: link.connected,
      mayAsk: () => link.connected() && tie.state === 'sure',
      room: options.room,
      roomBytes: options.roomBytes,
      onMessage: options.onMessage,
      onLost: lose,
      onRefused: (why) =>
        log.error(
          `[normalize] Consumer ${found.durable} on ${found.stream} refuses what it is asked: ${why}. Trying again.`,
        ),
    });
    while (!signal.aborted && !wake.signal.aborted) {
      await pause(watchMs * (0.75 + Math.random() / 2), AbortSignal.any([signal, wake.signal]));
      if (signal.aborted || wake.signal.aborted || !link.connected()) continue;
      try {
        lose(await watch(found));
      } catch (error) {
        log.warn(
          `[normalize] Consumer ${config.durable} on ${found.stream} could not be read: ${messageOf(error)}`,
        );
      }
    }
    if (signal.aborted) return; // stop() ends the puller
    log.warn(`[normalize] Consumer ${found.durable} on ${found.stream} let go: ${lost}. Binding again.`);
    puller.quit();
    leaving.add(puller);
    puller = undefined;
  }

  /** Reads the durable again; says why it is to be left, if it is. */
  async function watch(bound: Binding): Promise<string | undefined> {
    const info = await readConsumer(jsm, bound.stream, bound.durable);
    if (!info) return 'it does not exist any more';
    if (info.created !== bound.created) return 'it was made anew';
    const now = toBinding(info, config.subject);
    if (binding) binding = now; // unless the puller lost it meanwhile
    const rank = config.candidates.indexOf(bound.stream);
    for (const better of config.candidates.slice(0, Math.max(0, rank))) {
      if ((await readConsumer(jsm, better, bound.durable)) && (await mayLeave(now, better))) {
        return `${better} has it now`;
      }
    }
    return undefined;
  }

  /**
   * A pod on a fall-back moves up only where nothing can be left behind: the better stream copies the fall-back, or it hears
   * the subject itself (then the fall-back does not) and the fall-back's durable has nothing left to deliver.
   */
  async function mayLeave(from: Binding, better: string): Promise<boolean> {
    const { config: stream } = await jsm.streams.info(better);
    if (stream.sources?.some((source) => source.name === from.stream)) return true;
    return hears(stream.subjects, from.subject) && from.pending === 0 && from.ackPending === 0;
  }

  link.onChange((connected) => {
    if (connected) puller?.forget();
    else for (const tie of ties) void ask(tie);
  });

  return {
    binding: () => binding,
    ask: () => puller?.ask(),
    async stop() {
      await Promise.all([puller?.stop(), ...[...leaving].map((one) => one.stop())]);
      await running;
    },
  };
}

/** While a durable stays missing, only what changes is worth a line. */
const onlyGoodNews = (log: Log): Log => ({ info: log.info, warn: () => {}, error: () => {} });
