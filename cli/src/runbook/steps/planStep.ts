import {
  type AccountNeeds,
  checkAccount,
  checkAge,
  checkAllowances,
  checkConsumers,
  checkClaims,
  checkCopy,
  checkOrphans,
  checkOverlaps,
  checkRollups,
  checkRounds,
  checkSentinels,
  checkUncopied,
  checkQueues,
  checkReaders,
  checkRights,
  checkRoom,
  checkUnread,
  describeWays,
  type Copy,
  type CopySize,
  epochOfSource,
  type Finding,
  type HandoverGroup,
  type JetStreamReader,
  type LiveAccount,
  forgetGone,
  forgetRemade,
  has,
  healMemory,
  makePlan,
  OpsError,
  type Mover,
  type Ownership,
  ownRetention,
  type PairMemory,
  pending,
  type Placed,
  planHandovers,
  prepareGroup,
  type PreparedGroup,
  readLive,
  rememberMade,
  sizeOfCopy,
  type StreamConfig,
  type StreamInfo,
  sumOfSizes,
  type Topology,
} from '@aa-ops/topology';
import { moversOf } from '../movers.ts';
import type { RunDocument } from '../../saga/runDocument.ts';
import type { StateReader } from '../../saga/stateStore.ts';
import { liveOwnership, ownershipIn } from '../context.ts';
import { parseCopyFrom } from '../copyFrom.ts';
import type { Step } from '../step.ts';
import { settleFindings } from './findings.ts';

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

export const planStep: Step = {
  id: 'plan',
  title: 'Plan the handovers',
  runbook: 'Overview',
  async run(context) {
    if (context.run.groups.length > 0) return { status: 'already' };
    const plan = await planMigration(context);
    const note = settleFindings(context, plan.findings);
    await context.store.saveMemory(plan.memory);
    context.run.groups = plan.groups.map((group) => ({ group, phase: 'planned', attempt: 0 }));
    await context.save();
    const handovers = plan.groups
      .flatMap(({ copies }) => copies)
      .map(({ origin, target }) => `${origin} -> ${target}`);
    const what =
      handovers.length > 0
        ? `${handovers.join(', ')}; ${plan.size.messages} messages to copy; ${plan.ways}`
        : 'no subject moves';
    return { note: note ? `${what}; ${note}` : what };
  },
};

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
  findings.push(...leftovers(live), ...tooManyConsumers(prepared, live, movers));
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
        consumers: movers.filter(
          ({ name, to }) => !live.streams.get(to)?.consumers.some((c) => c.name === name),
        ).length,
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

/** A source of ours that no open run knows: what it brought is on no record, so a copy could bring it twice. */
function leftovers(live: LiveAccount): Finding[] {
  return [...live.streams].flatMap(([stream, { info }]) =>
    (info.config.sources ?? []).flatMap((source): Finding[] => {
      const epoch = epochOfSource(source);
      if (epoch === undefined) return [];
      return [
        {
          code: 'leftover-source',
          severity: 'refuse',
          message: `${stream} still copies from ${source.name} for ${epoch}, a run that is not open`,
          hint: `take that source of ${stream} away, and the messages that it brought`,
          details: { stream, source },
        },
      ];
    }),
  );
}

/** Durables that stand already are made anew in their place; the server counts none that it reads through itself. */
function tooManyConsumers(
  groups: readonly PreparedGroup[],
  live: LiveAccount,
  movers: readonly Mover[],
): Finding[] {
  const copies = groups.flatMap((group) => group.copies);
  const streams = new Set(copies.flatMap(({ origin, target }) => [origin, target]));
  return [...streams].flatMap((stream) => {
    const standing = live.streams.get(stream);
    if (!standing) return [];
    const held = standing.consumers.filter(({ config }) => !config.direct && !config.sourcing);
    const moved = movers.filter(({ name, to }) => to === stream && !held.some((one) => one.name === name));
    const sources = copies.filter(({ origin }) => origin === stream).length;
    return checkConsumers(standing.info, held.length, { sources, moved: moved.length });
  });
}

/** What new streams set apart for themselves, by storage; a server counts maxBytes as used from the first moment on. */
function reservations(
  created: readonly StreamConfig[],
): Pick<AccountNeeds, 'reserve' | 'memoryReserve' | 'unbounded'> {
  const sum = (storage: string): number =>
    created
      .filter((config) => (config.storage ?? 'file') === storage)
      .reduce((total, { max_bytes = 0 }) => total + Math.max(0, max_bytes), 0);
  const unbounded = created.filter(({ max_bytes = 0 }) => max_bytes <= 0).map(({ name }) => name);
  return { reserve: sum('file'), memoryReserve: sum('memory'), unbounded };
}

const placedIn = (topology: Topology, mode: string): Placed[] =>
  Object.entries(topology.modes[mode]?.consumers ?? {}).map(([name, { stream, fields }]) => ({
    stream,
    config: { ...topology.consumers[name], ...fields },
  }));

/** A stream that is still to be made has its limits all the same. */
const empty = (config: StreamConfig): Pick<StreamInfo, 'config' | 'state'> => ({
  config: { ...config, subjects: config.subjects ?? [] },
  state: { messages: 0, bytes: 0, first_seq: 0, first_ts: '', last_seq: 0, last_ts: '', consumer_count: 0 },
});

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

/** What each copy brings and whether it can, and whether each target has room for all of its copies. */
async function sizeUp(
  { account, run, topology }: PlanContext,
  groups: readonly PreparedGroup[],
  movers: readonly Mover[],
  created: readonly StreamConfig[],
  memory: PairMemory,
) {
  const wayBack = run.command === 'rollback';
  const keeps = { interest: true, workqueue: has(account.server.version, 'sourceReaders') };
  const readers = { before: placedIn(topology, run.from), after: placedIn(topology, run.to) };
  const total = { messages: 0, needs: { bytes: 0, memoryBytes: 0 }, findings: [] as Finding[] };
  const brought = new Map<string, { target: Pick<StreamInfo, 'config' | 'state'>; size: CopySize }>();
  const copies: Copy[] = groups.flatMap((group) => group.copies);
  for (const copy of copies) {
    const [origin, standing] = await Promise.all([account.stream(copy.origin), account.stream(copy.target)]);
    if (!origin)
      throw new OpsError('stream-missing', `stream ${copy.origin} has disappeared`, {
        kind: 'refused',
        hint: 'somebody deleted it meanwhile: aa-ops plan shows how the account stands',
      });
    const planned = created.find(({ name }) => name === copy.target);
    const target = standing ?? (planned && empty(planned));
    const size = await sizeOfCopy(account, copy, origin);
    total.messages += size.messages;
    total.needs[target?.config.storage === 'memory' ? 'memoryBytes' : 'bytes'] += size.bytes;
    if (!target) continue;
    total.findings.push(...checkCopy(copy, size, origin, target, keeps));
    total.findings.push(...checkAllowances(copy, origin.config, target.config, wayBack));
    total.findings.push(...checkQueues(origin.config, target.config, run.options.copy !== 'unacked'));
    total.findings.push(...checkUnread(copy, origin.config, target.config, readers, wayBack));
    total.findings.push(...(await checkAge(account, copy, movers, origin, target, wayBack, memory)));
    brought.set(copy.target, { target, size: sumOfSizes(brought.get(copy.target)?.size, size) });
  }
  for (const { target, size } of brought.values()) total.findings.push(...checkRoom(target, size, wayBack));
  return total;
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
