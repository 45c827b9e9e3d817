import {
  epochOfSource,
  type Finding,
  firstOn,
  type JetStreamReader,
  nextStartOf,
  orPlaceholder,
  type PairMemory,
  realSubjects,
  type StreamInfo,
  type StreamSource,
} from '@aa-ops/topology';
import type { RunContext } from './context.ts';

/**
 * A source of ours that no open run knows: a process that slept with a take on its lips, and lost its lease meanwhile, brings the sources back that
 * its successor has taken away. `isIdle`: everything that it can bring is on record, so that nothing could come twice for it.
 */
export interface Leftover {
  stream: string;
  source: StreamSource;
  isIdle: boolean;
}

/** To be asked while no run has sources of its own. */
export async function leftoversOf(
  account: JetStreamReader,
  streams: readonly Pick<StreamInfo, 'config'>[],
  memory: PairMemory,
): Promise<Leftover[]> {
  const ours = streams.flatMap(({ config }) =>
    (config.sources ?? [])
      .filter((source) => epochOfSource(source) !== undefined)
      .map((source) => ({ stream: config.name, source })),
  );
  return Promise.all(
    ours.map(async ({ stream, source }) => ({
      stream,
      source,
      isIdle: await isIdle(account, stream, source, memory),
    })),
  );
}

/** Its origin has nothing at or behind the place where the next copy begins. */
async function isIdle(
  account: JetStreamReader,
  target: string,
  source: StreamSource,
  memory: PairMemory,
): Promise<boolean> {
  const filters = realSubjects((source.subject_transforms ?? []).map(({ src }) => src));
  const pair = { origin: source.name, target, filters };
  const idle = await Promise.all(
    filters.map(async (filter) => {
      const start = nextStartOf(memory, pair, filter);
      return start !== undefined && (await firstOn(account, source.name, start, [filter])) === undefined;
    }),
  );
  return idle.every(Boolean);
}

/** What a run does about it, or the user has to. */
export const leftoverFinding = ({ stream, source, isIdle }: Leftover): Finding => ({
  code: 'leftover-source',
  severity: isIdle ? 'warn' : 'refuse',
  message: `${stream} still copies from ${source.name} for ${epochOfSource(source)}, a run that is not open`,
  hint: isIdle
    ? 'the run takes it away: all that it can bring is on record'
    : `take that source of ${stream} away, and the messages that it brought`,
  details: { stream, source },
});

/** Takes idle ones away, and what else the stream hears for that run. May be repeated. */
export async function dropIdleLeftovers({ account, topology, store, journal }: RunContext): Promise<void> {
  const infos = await Promise.all(Object.keys(topology.streams).map((stream) => account.stream(stream)));
  const standing = infos.filter((info) => info !== undefined);
  const leftovers = await leftoversOf(account, standing, await store.memory());
  for (const { config } of standing) {
    const ours = leftovers.filter(({ stream }) => stream === config.name);
    if (ours.length === 0 || !ours.every(({ isIdle }) => isIdle)) continue;
    const sources = (config.sources ?? []).filter((source) => epochOfSource(source) === undefined);
    const subjects = orPlaceholder(config.name, realSubjects(config.subjects));
    await journal.effect('drop-leftovers', { stream: config.name, before: config }, () =>
      account.updateStream({ ...config, sources, subjects }),
    );
  }
}
