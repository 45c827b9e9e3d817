import { endKeeping, keepEverything, realSubjects } from '@aa-ops/topology';
import { handoverContext, type RunContext } from './context.ts';

/** While a run copies from streams with retention `interest` or into them, they keep everything (adr/0023). */
export async function keepAll(context: RunContext, streams: Iterable<string>): Promise<void> {
  for (const stream of new Set(streams)) await keepEverything(handoverContext(context), stream);
}

/**
 * Streams with retention `interest` keep no more than their durables want, whichever run had them keep it: what is acked, or read by none, goes.
 * Only once the durables stand where they belong and the copies were compared. A run that is taken back leaves out what
 * owns nothing (`owners`): its durables may not stand yet, and a later run goes on behind its copies. May be repeated.
 */
export async function endAllKeeping(context: RunContext, which: 'all' | 'owners'): Promise<void> {
  for (const stream of Object.keys(context.topology.streams)) {
    if (which === 'owners' && (await isClosed(context, stream))) continue;
    await endKeeping(handoverContext(context), stream);
  }
}

async function isClosed({ account }: RunContext, stream: string): Promise<boolean> {
  const subjects = (await account.stream(stream))?.config.subjects;
  return realSubjects(subjects).length === 0;
}
