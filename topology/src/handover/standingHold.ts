import {
  type ConnectSettings,
  followTail,
  type JetStreamWriter,
  type StreamInfo,
  type Tail,
} from '../jetstream/index.ts';
import { type Captor, lastSeqOf } from './captured.ts';
import { type Hold, openHold } from './hold.ts';
import { countLetGo, letGo, type LetGoResult } from './letGo.ts';
import { areLedAsBefore, type Owner, ownersOf } from './passed.ts';
import type { WindowResult } from './window.ts';
import { DEFAULT_BOUNDS, type WindowSpec, type WindowStream } from './windowSpec.ts';

/** A hold, the last sequence of each stream before it stood, since what came later may be captured and held, and what they have stored since. */
export interface StandingHold {
  hold: Hold;
  since: Map<string, number>;
  tails: Map<string, Tail | undefined>;
  /** Who is to hear what is held, as led before. */
  owners: readonly Owner[];
  /** Servers of the streams that stand, and could not be asked whether they know of the hold. */
  unreached: string[];
  close(): Promise<void>;
}

/**
 * Opens the hold of a window; `since` is read first, so that nothing falls between the two. `follow`: reads along what the streams store, which costs
 * time that only who ends the window should take. `owned`: nothing was released yet.
 */
export async function holdFor(
  account: JetStreamWriter,
  settings: ConnectSettings,
  spec: WindowSpec,
  { follow = false, owned = true } = {},
): Promise<StandingHold | undefined> {
  const filters = heldFilters(spec);
  if (!spec.hold || filters.length === 0) return undefined;
  const infos = await Promise.all(spec.streams.map(({ stream }) => account.stream(stream)));
  const since = new Map(
    infos.flatMap((info) => (info ? [[info.config.name, info.state.last_seq] as const] : [])),
  );
  const { holdBytes } = spec.bounds ?? DEFAULT_BOUNDS;
  const owners = ownersOf(spec, infos);
  const hold = await openHold(settings, filters, { maxBytes: holdBytes, owned, owners });
  const followed = await Promise.all(
    [...(follow ? since : [])].map(
      async ([stream, last]) => [stream, await followTail(account, stream, last + 1)] as const,
    ),
  );
  const tails = new Map(followed);
  return {
    hold,
    since,
    tails,
    owners,
    unreached: [...new Set(infos.flatMap(serversOf))].filter((name) => !hold.servers.has(name)),
    async close() {
      await Promise.all([hold.close(), ...followed.map(([, tail]) => tail?.close())]);
    },
  };
}

/** The servers that a stream is on, those aside that its leader says are away. */
const serversOf = (info: StreamInfo | undefined): string[] => [
  ...(info?.cluster?.leader ? [info.cluster.leader] : []),
  ...(info?.cluster?.replicas ?? []).filter(({ offline }) => !offline).map(({ name }) => name),
];

/** What a hold of that window hears. */
export const heldFilters = ({ moved, kept }: Pick<WindowSpec, 'moved' | 'kept'>): string[] => [
  ...moved,
  ...kept.flatMap(({ filters }) => filters),
];

/** Lets go what was held, once the window is over. Per copy of the spec and then per `kept`, in their order. */
export async function endHold(
  account: JetStreamWriter,
  { hold, since, tails, owners }: StandingHold,
  spec: WindowSpec,
  window: Pick<WindowResult, 'outcome' | 'sentinels'>,
): Promise<LetGoResult[]> {
  const captors = captorsOf(spec, since, tails, window);
  const barriers = barriersOf(spec, captors);
  const begun = performance.now();
  const held = await hold.end(barriers);
  const barrier = () => hold.barrier(barriers);
  // All that has to be asked before the streams are read, at once: publishers wait for it.
  const [isKnown, lasts] =
    held.length === 0
      ? [false, []]
      : await Promise.all([
          window.outcome === 'taken' && areLedAsBefore(account, owners),
          lastsOf(account, captors),
          barrier(),
        ]);
  if (!isKnown) for (const one of held) one.hasPassed = false;
  const fates = await letGo(account, held, captors, spec.moved, {
    elsewhere: hold.elsewhere,
    reached: hold.reached,
    lasts: new Map([...lasts, ...hold.reached]),
    endedInMs: performance.now() - begun,
    barrier,
  });
  return [...spec.copies, ...spec.kept].map(({ filters }) => countLetGo(fates, filters));
}

/** Where those end that stopped to capture with the release: no barrier tells it. */
const lastsOf = (account: JetStreamWriter, captors: readonly Captor[]): Promise<[string, number][]> =>
  Promise.all(
    captors
      .filter(({ side }) => side === 'before')
      .map(async (captor) => [captor.stream, await lastSeqOf(account, captor)]),
  );

/** A subject for each stream that goes on capturing, which it hears once it has taken, or has its own back. */
function barriersOf(spec: WindowSpec, captors: readonly Captor[]): string[] {
  const capturing = new Set([
    ...captors.filter(({ side }) => side !== 'before').map(({ stream }) => stream),
    ...spec.kept.map(({ stream }) => stream),
  ]);
  return spec.streams.flatMap(({ stream, barrier }) => (capturing.has(stream) ? [barrier] : []));
}

/**
 * What the streams took from before the hold until the release, and from the take on; the sentinels lie in between. Where there are none (nothing is
 * copied) one range is both.
 */
function captorsOf(
  spec: WindowSpec,
  since: ReadonlyMap<string, number>,
  tails: StandingHold['tails'],
  { outcome, sentinels }: Pick<WindowResult, 'outcome' | 'sentinels'>,
): Captor[] {
  const captor = ({ stream }: WindowStream, side: Captor['side']): Captor => ({
    stream,
    fromSeq: (since.get(stream) ?? 0) + 1,
    side,
    tail: tails.get(stream),
    filters: [...spec.moved, ...spec.kept.flatMap((it) => (it.stream === stream ? it.filters : []))],
  });
  const gave = spec.streams.filter(({ released }) => released);
  if (outcome === 'reverted') return gave.map((stream) => captor(stream, 'after'));
  const between = new Map<string, number>();
  const lies = (stream: string, seq: number): void =>
    void between.set(stream, Math.max(between.get(stream) ?? 0, seq));
  for (const { origin, originSeq, target, targetSeq } of sentinels) {
    lies(origin, originSeq);
    lies(target, targetSeq);
  }
  const isWhole = ({ stream, taken }: WindowStream): boolean => taken !== undefined && !between.has(stream);
  return [
    ...gave.map((stream) => ({
      ...captor(stream, isWhole(stream) ? 'throughout' : 'before'),
      ...(stream.taken ? { toSeq: between.get(stream.stream) } : {}),
      throughSeq: Math.max(0, ...sentinels.map((one) => (one.origin === stream.stream ? one.originSeq : 0))),
    })),
    ...spec.streams.flatMap((stream) => {
      const seq = between.get(stream.stream);
      return stream.taken && seq !== undefined ? [{ ...captor(stream, 'after'), fromSeq: seq + 1 }] : [];
    }),
  ];
}
