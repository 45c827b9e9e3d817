import { setTimeout as delay } from 'node:timers/promises';
import { OpsError } from '../errors.ts';
import type { StreamConfig } from '../jetstream/index.ts';
import { epochOfSource, isSameCopy, sourceOfCopy } from './names.ts';
import { isQueue } from './queues.ts';
import { copiedThrough, lastOn } from './reads.ts';
import type { Copy, HandoverContext } from './types.ts';

/** ms between two looks at a copy that is catching up. */
const POLL_MS = 50;
/** ms without progress after which a source is taken away and put back: once in some fifteen runs it never started. */
const STALLED_MS = 8_000;
const MAX_RESTARTS = 3;

const updated = async (context: HandoverContext, stream: string): Promise<StreamConfig> => {
  const info = await context.account.stream(stream);
  if (!info)
    throw new OpsError('stream-missing', `stream ${stream} does not stand`, { hint: 'aa-ops streams apply' });
  return info.config;
};

/**
 * Lets every target source its origins. A source of an earlier run that was left standing is replaced; one that stands
 * as planned is left alone, so this may be repeated.
 */
export async function startCopies(context: HandoverContext, copies: readonly Copy[]): Promise<void> {
  for (const target of new Set(copies.map((copy) => copy.target))) {
    const wanted = copies.filter((copy) => copy.target === target);
    const config = await updated(context, target);
    const standing = config.sources ?? [];
    const ours = standing.filter((source) => epochOfSource(source) !== undefined);
    if (ours.length === wanted.length && wanted.every((copy) => ours.some((s) => isSameCopy(s, copy))))
      continue;
    const sources = [...standing.filter((s) => epochOfSource(s) === undefined), ...wanted.map(sourceOfCopy)];
    await context.journal.effect('start-copy', { target, copies: wanted }, () =>
      context.account.updateStream({ ...config, sources }),
    );
  }
}

/** Takes our sources of these targets away; everybody else's stay. Says which streams had one. */
export async function dropCopies(context: HandoverContext, targets: Iterable<string>): Promise<string[]> {
  const dropped: string[] = [];
  for (const target of new Set(targets)) {
    const info = await context.account.stream(target);
    const standing = info?.config.sources ?? [];
    const foreign = standing.filter((source) => epochOfSource(source) === undefined);
    if (!info || foreign.length === standing.length) continue;
    await context.journal.effect('drop-copy', { target }, () =>
      context.account.updateStream({ ...info.config, sources: foreign }),
    );
    dropped.push(target);
  }
  return dropped;
}

export interface CatchUpOptions {
  /** ms that the whole copy may take. */
  timeoutMs: number;
  /** The origin's sequence to wait for; absent: its last one at the beginning. */
  through?: number;
  /** ms between two looks. */
  pollMs?: number;
}

/**
 * Waits until a copy holds what the origin's last message was when this began, or goes `through` a given one. Looks at the messages themselves: a lag
 * of 0 alone has lied (nats-server#8346). Nobody is harmed meanwhile; a source that does not move is put back anew.
 */
export async function catchUp(context: HandoverContext, copy: Copy, options: CatchUpOptions): Promise<void> {
  const goal = options.through ?? (await lastOn(context.account, copy.origin, copy.filters))?.seq ?? 0;
  if (goal < copy.startSeq) return;
  const origin = await context.account.stream(copy.origin);
  const mayVanish = origin !== undefined && isQueue(origin.config);
  const begun = Date.now();
  const deadline = begun + options.timeoutMs;
  let progress = 0;
  let movedAt = Date.now();
  for (let restarts = 0; ;) {
    context.signal.throwIfAborted();
    const reached = (await copiedThrough(context.account, copy))?.originSeq ?? 0;
    if (reached >= goal) return;
    if (reached > progress) {
      progress = reached;
      movedAt = Date.now();
      notifyProgress(context, copy, reached, goal);
    }
    if (mayVanish && (await goneBehind(context, copy, reached))) return; // worked before it was copied
    if (Date.now() > deadline) throw stalled(copy, reached, goal, Date.now() - begun);
    if (Date.now() - movedAt > STALLED_MS) {
      if (await goneBehind(context, copy, reached)) return;
      if (++restarts > MAX_RESTARTS) throw stalled(copy, reached, goal, Date.now() - begun);
      await restartSource(context, copy);
      movedAt = Date.now();
    }
    await delay(options.pollMs ?? POLL_MS, undefined, { signal: context.signal });
  }
}

/** Everything that was still to come has expired or was purged from the origin: there is nothing to wait for. */
async function goneBehind(context: HandoverContext, copy: Copy, reached: number): Promise<boolean> {
  const last = await lastOn(context.account, copy.origin, copy.filters);
  return last === undefined || last.seq <= reached || last.seq < copy.startSeq;
}

/**
 * For copies that did not bring the last message of a window in time: nats-server 2.15.1, started again, leaves the source of a work queue for 10 s, and tells
 * of no lag meanwhile. Taken away and put back, it goes on at once.
 */
export async function restartCopies(context: HandoverContext, copies: readonly Copy[]): Promise<void> {
  for (const copy of copies) await restartSource(context, copy);
}

/** The server goes on behind the last copy that it finds: what the source left out is looked for again. */
export async function restartSource(context: HandoverContext, copy: Copy): Promise<void> {
  context.host.notify({
    level: 'warn',
    code: 'copy-restarted',
    message: `the copy ${copy.origin} -> ${copy.target} does not move: taking its source away and putting it back`,
    data: { origin: copy.origin, target: copy.target },
  });
  const config = await updated(context, copy.target);
  const sources = (config.sources ?? []).filter((source) => !isSameCopy(source, copy));
  await context.journal.effect('restart-copy', { copy }, async () => {
    await context.account.updateStream({ ...config, sources });
    await context.account.updateStream({ ...config, sources: [...sources, sourceOfCopy(copy)] });
  });
}

const notifyProgress = (context: HandoverContext, copy: Copy, reached: number, goal: number): void =>
  context.host.notify({
    level: 'debug',
    code: 'catch-up',
    message: `${copy.origin} -> ${copy.target}: ${goal - reached} messages to go`,
    data: { origin: copy.origin, target: copy.target, reached, goal },
  });

const stalled = (copy: Copy, reached: number, goal: number, elapsedMs: number): OpsError =>
  new OpsError(
    'copy-stalled',
    `the copy ${copy.origin} -> ${copy.target} stands at ${reached} of ${goal} after ${Math.round(elapsedMs / 1000)} s`,
    {
      hint: `look at "aa-ops streams info ${copy.target}": its source's lag and error; nothing was released`,
      details: { origin: copy.origin, target: copy.target, reached, goal },
    },
  );
