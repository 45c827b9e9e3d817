import { ownRetention, realSubjects, RETENTION_KEY, type StreamConfig } from '@aa-ops/topology';
import type { RunContext } from './context.ts';

/**
 * While a run copies from a stream with retention `interest` or into one, that stream keeps everything: copies can be compared, no
 * message goes before its durable stands, and the window's sentinel is stored although nobody reads it. The stream itself says what
 * it was, in the same update: whoever ends the run finds it there. A `replace` has a way of its own. One with replicas
 * is left as it is: one that hears of it late drops what the others keep, and nothing is copied there (checkRetention).
 */
export async function keepAll(context: RunContext, streams: Iterable<string>): Promise<void> {
  if (context.run.command === 'replace') return;
  for (const stream of new Set(streams)) {
    const config = (await context.account.stream(stream))?.config;
    if (config?.retention !== 'interest' || (config.num_replicas ?? 1) > 1) continue;
    const metadata = { ...config.metadata, [RETENTION_KEY]: 'interest' };
    await update(context, { ...config, retention: 'limits', metadata });
  }
}

/**
 * Streams that had retention `interest` have it again, whichever run took it from them; the server drops what every durable has acked, and
 * what none reads. Only once the durables stand where they belong and the copies were compared. A run that is taken back leaves out what
 * owns nothing (`owners`): its durables may not stand yet, and a later run goes on behind its copies. May be repeated.
 */
export async function restoreRetention(context: RunContext, which: 'all' | 'owners'): Promise<void> {
  for (const stream of Object.keys(context.topology.streams)) {
    const config = (await context.account.stream(stream))?.config;
    if (!config?.metadata?.[RETENTION_KEY]) continue;
    if (which === 'owners' && realSubjects(config.subjects).length === 0) continue;
    const { [RETENTION_KEY]: _was, ...metadata } = config.metadata;
    await update(context, { ...config, retention: ownRetention(config), metadata });
  }
}

const update = (context: RunContext, config: StreamConfig): Promise<unknown> =>
  context.journal.effect(
    'set-retention',
    { stream: config.name, retention: config.retention, metadata: config.metadata },
    () => context.account.updateStream(config),
  );
