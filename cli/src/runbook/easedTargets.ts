import { type Copy, sourceHeaderBytes, type StreamConfig } from '@aa-ops/topology';
import type { RunContext } from './context.ts';

/** What a run changes of a target for the time of its copies, and what it was. */
export type Eased = Partial<Pick<StreamConfig, 'duplicate_window' | 'max_msg_size'>>;

/**
 * While it copies, a target takes whatever its origins take: it forgets message ids as soon as they do, else an id that comes again behind
 * their window and within its own would be dropped; and it has room for the header that a source adds to the largest message. What it was
 * is stored first. May be repeated.
 */
export async function easeTargets(context: RunContext, copies: readonly Copy[]): Promise<void> {
  const { account, run } = context;
  for (const target of new Set(copies.map((copy) => copy.target))) {
    const info = await account.stream(target);
    if (!info) continue;
    const eased: Eased = {};
    for (const copy of copies.filter((one) => one.target === target)) {
      const origin = (await account.stream(copy.origin))?.config;
      if (origin) easeFor(eased, copy, origin, { ...info.config, ...eased });
    }
    if (Object.keys(eased).length === 0) continue;
    const before = Object.fromEntries(
      Object.keys(eased).map((field) => [field, info.config[field as keyof Eased]]),
    ) as Eased;
    // Relaxed by this run already: then that is the one that puts it back.
    if (run.relaxed[target] !== undefined) {
      delete eased.duplicate_window;
      delete before.duplicate_window;
    }
    (run.eased ??= {})[target] = { ...before, ...run.eased[target] };
    await context.save();
    await context.journal.effect('ease-target', { stream: target, before, eased }, () =>
      account.updateStream({ ...info.config, ...eased }),
    );
  }
}

function easeFor(eased: Eased, copy: Copy, origin: StreamConfig, target: StreamConfig): void {
  const window = origin.duplicate_window ?? 0;
  if (window > 0 && (target.duplicate_window ?? 0) > window) eased.duplicate_window = window;
  const [most, limit] = [origin.max_msg_size ?? -1, target.max_msg_size ?? -1];
  const needed = most + sourceHeaderBytes(copy);
  if (most > 0 && limit > 0 && limit < needed) eased.max_msg_size = needed;
}

/** Once no source of ours stands any more. May be repeated. */
export async function restoreTargets(context: RunContext): Promise<void> {
  const { account, run } = context;
  if (!run.eased) return;
  for (const [stream, fields] of Object.entries(run.eased)) {
    const info = await account.stream(stream);
    const differs = Object.entries(fields).some(
      ([field, value]) => info?.config[field as keyof Eased] !== value,
    );
    if (!info || !differs) continue;
    await context.journal.effect('restore-target', { stream, fields }, () =>
      account.updateStream({ ...info.config, ...fields }),
    );
  }
  delete run.eased;
  await context.save();
}
