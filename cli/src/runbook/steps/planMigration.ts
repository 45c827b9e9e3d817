import {
  checkAccount,
  checkConsumers,
  checkClaims,
  checkOrphans,
  checkOverlaps,
  checkRollups,
  checkRounds,
  checkSentinels,
  checkUncopied,
  checkReaders,
  checkRights,
  describeWays,
  epochOfSource,
  type Finding,
  type HandoverGroup,
  type JetStreamReader,
  type LiveAccount,
  type LiveStream,
  forgetGone,
  forgetRemade,
  healMemory,
  isKeeper,
  ownRetention,
  makePlan,
  type Mover,
  type Ownership,
  type PairMemory,
  pending,
  planHandovers,
  prepareGroup,
  type PreparedGroup,
  readLive,
  rememberMade,
  type StreamConfig,
  type StreamInfo,
  takesKeeper,
  type Topology,
} from '@aa-ops/topology';
import { moversOf } from '../movers.ts';
import type { RunDocument } from '../../saga/runDocument.ts';
import type { StateReader } from '../../saga/stateStore.ts';
import { liveOwnership, ownershipIn } from '../context.ts';
import { parseCopyFrom } from '../copyFrom.ts';
import { leftoverFinding, leftoversOf } from '../leftovers.ts';
import { placedIn, reservations, sizeUp } from './sizeUp.ts';

/** What a migration will do: the value that this step stores, `--dry-run` shows and every later step follows. */
export interface MigrationPlan {
  groups: PreparedGroup[];
  /** What is known of the pairs, put right by what the streams hold. */
  memory: PairMemory;
  findings: Finding[];
  /** Streams that have to be created first, in their closed form. */
  creates: string[];
  /** Messages and bytes that the copies will bring, as far as known now. */
  size: { messages: number; bytes: number };
  /** Which way is taken on this server. */
  ways: string;
}

/** No more than reading: a dry run has no other client. */
export interface PlanContext {
  account: JetStreamReader;
  topology: Topology;
  store: StateReader;
  run: Pick<RunDocument, 'id' | 'command' | 'from' | 'to' | 'options'>;
}

/** Reads the account and says everything that a run would do, and everything that stands in its way. Changes nothing. */
export async function planMigration(context: PlanContext): Promise<MigrationPlan> {
  const { account, topology, run } = context;
  const [live, owners, known, changes] = await Promise.all([
    readLive(account, topology),
    liveOwnership(account, topology),
    context.store.memory().then((known) => healMemory(account, known)),
    makePlan(account, topology, { runOpen: true }),
  ]);
  const made = [...live.streams].map(([stream, { info }]) => [stream, info.created] as const);
  const ours = forgetRemade(known, (stream) => live.streams.get(stream)?.info.created);
  const memory = forgetGone(rememberMade(ours, made), (stream) => {
    const info = live.streams.get(stream)?.info;
    // What was acked is gone from such a stream wherever it lay: that a copy once was there still tells something.
    return info && ownRetention(info.config) !== 'limits' ? 1 : info?.state.first_seq;
  });
  const to = ownershipIn(topology, run.to);
  const wayBack = run.command === 'rollback';
  const placed = new Set(Object.keys(topology.modes[run.to]!.consumers));
  const named = new Set(Object.keys(topology.consumers));
  const streams = [...live.streams.values()].map(({ info }) => info);
  const movers = moversOf(topology, run.from, run.to, live);
  const groups = planHandovers(owners, to, {
    first: ({ origin, target }) => movers.some((one) => one.from.stream_name === origin && one.to === target),
    sources: streams.flatMap(sourcesOfOthers),
  });
  const foreign = live.foreign.map(({ info }) => info);
  const modes = wayBack ? [to] : [to, ownershipIn(topology, run.from)];
  const findings: Finding[] = [
    ...checkRounds(groups, movers),
    ...checkOverlaps(
      groups,
      modes,
      foreign.map(({ config }) => config),
    ),
  ];
  const created = pending(changes).flatMap((c) =>
    c.kind === 'stream' && c.action === 'create' ? [c.config] : [],
  );
  const configOf = (name: string): StreamConfig | undefined =>
    live.streams.get(name)?.info.config ?? created.find((config) => config.name === name);
  const prepared: PreparedGroup[] = [];
  for (const group of groups) {
    const consumersOf = (stream: string) => live.streams.get(stream)?.consumers ?? [];
    findings.push(...checkReaders(group, consumersOf, [...streams, ...foreign], placed, named, wayBack));
    findings.push(
      ...(await checkOrphans(group, to, (stream) => account.subjectCounts(stream, '>'), wayBack)),
    );
    const ready = await prepareGroup(account, group, {
      run: run.id,
      memory,
      movers,
      copyFrom: parseCopyFrom(run.options.copy),
    });
    findings.push(...ready.findings);
    findings.push(...checkUncopied(ready.group, streams));
    for (const info of streams) findings.push(...checkSentinels(ready.group.copies, info));
    findings.push(...checkRollups(ready.group, configOf));
    findings.push(...(await unclaimed(context, ready.group, live, to)));
    prepared.push(ready.group);
  }
  findings.push(...(await leftoversOf(account, streams, memory)).map(leftoverFinding));
  findings.push(...tooManyConsumers(prepared, live, movers));
  const creates = created.map(({ name }) => name);
  const sized = await sizeUp(context, prepared, movers, created, memory);
  findings.push(...sized.findings);
  findings.push(
    ...checkAccount(
      live.account,
      {
        ...sized.needs,
        ...reservations(created),
        streams: creates.length,
        consumers:
          movers.filter(({ name, to }) => !live.streams.get(to)?.consumers.some((c) => c.name === name))
            .length + keepersToCome(prepared, live, configOf),
      },
      topology.environment.replicas,
    ),
  );
  findings.push(...(await checkForRights(context, groups)));
  return {
    groups: prepared,
    memory,
    findings: distinct(findings),
    creates,
    size: { messages: sized.messages, bytes: sized.needs.bytes + sized.needs.memoryBytes },
    ways: describeWays(account.server.version),
  };
}

/** Several copies of one stream say the same of it. */
const distinct = (findings: readonly Finding[]): Finding[] => [
  ...new Map(findings.map((one) => [`${one.code} ${one.message}`, one])).values(),
];

const sourcesOfOthers = ({ config }: StreamInfo) =>
  (config.sources ?? [])
    .filter((source) => !source.external && epochOfSource(source) === undefined)
    .map(({ name }) => ({ origin: name, target: config.name }));

/** Durables that stand already are made anew in their place; the server counts none that it reads through itself. */
function tooManyConsumers(
  groups: readonly PreparedGroup[],
  live: LiveAccount,
  movers: readonly Mover[],
): Finding[] {
  const copies = groups.flatMap((group) => group.copies);
  return [...streamsOf(groups)].flatMap((stream) => {
    const standing = live.streams.get(stream);
    if (!standing) return [];
    const held = standing.consumers.filter(({ config }) => !config.direct && !config.sourcing);
    const moved = movers.filter(({ name, to }) => to === stream && !held.some((one) => one.name === name));
    const sources = copies.filter(({ origin }) => origin === stream).length;
    const keepers = lacksKeeper(standing) ? 1 : 0;
    return checkConsumers(standing.info, held.length, { sources, moved: moved.length, keepers });
  });
}

const lacksKeeper = ({ info, consumers }: LiveStream): boolean =>
  takesKeeper(info.config) && !consumers.some(isKeeper);

const streamsOf = (groups: readonly PreparedGroup[]): Set<string> =>
  new Set(groups.flatMap(({ copies }) => copies.flatMap(({ origin, target }) => [origin, target])));

/** Those that are still to be made get one as well. */
const keepersToCome = (
  groups: readonly PreparedGroup[],
  live: LiveAccount,
  configOf: (stream: string) => StreamConfig | undefined,
): number =>
  [...streamsOf(groups)].filter((stream) => {
    const standing = live.streams.get(stream);
    const config = configOf(stream);
    return standing ? lacksKeeper(standing) : config !== undefined && takesKeeper(config);
  }).length;

/** Of queues that give, as they stand; of those that gain, as the mode has them: they may have to give back. */
async function unclaimed(
  { account, run, topology }: PlanContext,
  { copies }: PreparedGroup,
  live: LiveAccount,
  to: Ownership,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const { origin, target } of copies) {
    const giving = live.streams.get(origin);
    if (giving?.info.config.retention === 'workqueue') {
      const readers = giving.consumers.filter(({ config }) => !config.direct && !config.sourcing);
      const held = await account.subjectCounts(origin, '>');
      findings.push(
        ...checkClaims(
          giving.info.config,
          readers.map(({ config }) => config),
          held,
        ),
      );
    }
    if (run.command === 'rollback') continue;
    const { retention } = topology.streams[target] ?? {};
    const readers = placedIn(topology, run.to).filter(({ stream }) => stream === target);
    findings.push(
      ...checkClaims(
        { name: target, ...(retention ? { retention } : {}), subjects: [...(to[target] ?? [])] },
        readers.map(({ config }) => config),
      ),
    );
  }
  return findings;
}

async function checkForRights(
  { account, topology }: PlanContext,
  groups: readonly HandoverGroup[],
): Promise<Finding[]> {
  if (groups.length === 0) return [];
  const streams = [...new Set(groups.flatMap((group) => group.streams.map(({ stream }) => stream)))];
  const queues = streams.filter((stream) => topology.streams[stream]?.retention === 'workqueue');
  return checkRights(await account.rights(), streams, account.apiPrefix, queues);
}
