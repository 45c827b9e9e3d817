import type { JetStreamReader, StreamConfig } from '../jetstream/index.ts';
import { OpsError } from '../errors.ts';
import { barrierSubject, epochFilter, lastCallSubject, orPlaceholder } from './names.ts';
import { realSubjects } from '../model.ts';
import { coversAll, intersectSets } from '../subjects/sets.ts';
import type { Copy, PreparedGroup } from './types.ts';

/**
 * What one stream hears at each point of a window, placeholders and epochs included. No step adds a filter that overlaps one which it takes away:
 * a server adds first, and stores what comes in between twice (docs/adr/0020).
 */
export interface WindowStream {
  stream: string;
  before: string[];
  /** Heard besides the real ones once it has taken, or has its own back. */
  barrier: string;
  /** What it hears while nobody owns the moved subjects; undefined: it keeps every filter that it has. */
  released: string[] | undefined;
  /** What it hears from the take on; undefined: it gets no filter that it does not have. */
  taken: string[] | undefined;
  /** What it takes where a stream that has no part in the handover hears some of the rest: all that had an owner here. Undefined: there is no rest. */
  certain?: string[];
  /** What it hears when all is done. */
  final: string[];
}

/**
 * Everything that is needed to finish or to revert a window, by this process or another one: it is journaled before the
 * release, so that nothing has to be written while nobody owns the subjects. JSON-safe.
 */
export interface WindowSpec {
  run: string;
  group: string;
  /** Makes the sentinels of one attempt differ from those of another. */
  attempt: number;
  streams: WindowStream[];
  copies: Copy[];
  /** The subjects that have no owner in the window. */
  moved: string[];
  /** Subjects that stay with a stream, which hears them by another filter afterwards: nobody owns them in the window either. */
  kept: { stream: string; filters: string[] }[];
  /** Whether publishes are held meanwhile; without the rights for it, publishers meet 503. */
  hold: boolean;
  /** Other bounds than DEFAULT_BOUNDS, also for whoever has to end the window of a process that died. */
  bounds?: WindowBounds;
}

/** How long nobody may own the subjects, and how much may be held meanwhile. */
export interface WindowBounds {
  /** ms that the drain may take before the subjects go back: well below the 5 s that clients wait for an ack by default. */
  drainMs: number;
  /** ms from the release on after which the subjects go back, as long as no take can have come true. */
  holdMs: number;
  /** ms for which a take or a revert is tried again: until then, somebody has to own the subjects. */
  settleMs: number;
  /** Bytes that may be held before the subjects go back. */
  holdBytes: number;
}

export const DEFAULT_BOUNDS: WindowBounds = {
  drainMs: 2_000,
  holdMs: 4_000,
  settleMs: 60_000,
  holdBytes: 64 * 1024 * 1024,
};

/** Throws OpsError `subjects-changed` where a stream does not hear what it did when the group was planned: the window would take the rest from it. */
export async function specifyWindow(
  account: JetStreamReader,
  group: PreparedGroup,
  options: { run: string; attempt: number; hold: boolean; bounds?: WindowBounds },
): Promise<WindowSpec> {
  const hadOwner = group.streams.flatMap(({ owned }) => owned);
  const streams = await Promise.all(
    group.streams.map(async ({ stream, owned, final }): Promise<WindowStream> => {
      const info = await account.stream(stream);
      if (!info)
        throw new OpsError('stream-missing', `stream ${stream} does not stand`, {
          hint: 'aa-ops streams apply',
        });
      const heard = realSubjects(info.config.subjects);
      if (!coversAll(owned, heard) || !coversAll(heard, owned)) throw subjectsChanged(stream, heard);
      const epochs = [
        ...new Set(group.copies.filter((c) => c.origin === stream).map((c) => epochFilter(c.epoch))),
      ];
      const staying = owned.filter((filter) => final.includes(filter));
      const barrier = barrierSubject(options.run, stream);
      const isCertain = staying.length === final.length || coversAll(hadOwner, final);
      const released = epochs.length > 0 ? [...staying, ...epochs] : orPlaceholder(stream, staying);
      return {
        stream,
        before: orPlaceholder(stream, heard),
        barrier,
        released: staying.length < owned.length ? released : undefined,
        taken: staying.length < final.length ? [...final, barrier] : undefined,
        ...(isCertain
          ? {}
          : { certain: [...orPlaceholder(stream, intersectSets(final, hadOwner)), barrier] }),
        final: orPlaceholder(stream, final),
      };
    }),
  );
  return { ...options, group: group.id, streams, copies: group.copies, ...withoutOwner(group) };
}

/** Somebody else wrote a stream's subjects: neither forward nor back is known to be right. */
export const subjectsChanged = (stream: string, subjects: readonly string[] = []): OpsError =>
  new OpsError(
    'subjects-changed',
    `${stream} hears ${subjects.join(', ')}, not what this handover found or made`,
    {
      hint: 'somebody else changed it meanwhile: aa-ops plan shows how it stands',
      details: { stream },
    },
  );

/** What nobody owns in the window of a group. */
export function withoutOwner({
  streams,
  copies,
}: Pick<PreparedGroup, 'streams' | 'copies'>): Pick<WindowSpec, 'moved' | 'kept'> {
  const owned = new Map(streams.map((role) => [role.stream, role.owned]));
  const moved = [
    // A copy may bring more than what changes hands: older messages, of subjects that have another owner now.
    ...new Set(copies.flatMap(({ origin, filters }) => intersectSets(filters, owned.get(origin)!))),
  ];
  const kept = streams.flatMap(({ stream, owned: before, kept: both, final }) => {
    const filters = intersectSets(
      both,
      before.filter((filter) => !final.includes(filter)),
    );
    return filters.length > 0 ? [{ stream, filters }] : [];
  });
  return { moved, kept };
}

/** How far a window has come, as the live streams tell it. */
export interface WindowState {
  stream: WindowStream;
  config: StreamConfig;
  stands: 'before' | 'released' | 'taken' | 'final' | 'elsewhere';
  /** It was asked to take and nobody knows whether it did. */
  unsure?: boolean;
}

const same = (a: readonly string[], b: readonly string[] | undefined): boolean =>
  b !== undefined && a.length === b.length && a.every((item) => b.includes(item));

export async function readWindow(account: JetStreamReader, spec: WindowSpec): Promise<WindowState[]> {
  return Promise.all(
    spec.streams.map(async (stream): Promise<WindowState> => {
      const info = await account.stream(stream.stream);
      if (!info)
        throw new OpsError(
          'stream-missing',
          `stream ${stream.stream} has disappeared in the middle of its handover`,
          { hint: 'somebody deleted it: aa-ops plan shows how the account stands' },
        );
      return { stream, config: info.config, stands: placeOf(spec.run, stream, info.config.subjects) };
    }),
  );
}

/** The later place wins where two look alike. */
function placeOf(run: string, stream: WindowStream, subjects: readonly string[]): WindowState['stands'] {
  if (same(subjects, stream.taken) || same(subjects, stream.certain)) return 'taken';
  if (same(subjects, stream.released)) return 'released';
  const besides = [[], [stream.barrier], [lastCallSubject(run, stream.stream)]];
  if (besides.some((ours) => same(subjects, [...stream.before, ...ours]))) return 'before';
  return same(subjects, stream.final) ? 'final' : 'elsewhere';
}
