import {
  allows,
  checkAccount,
  checkClaims,
  checkConsumers,
  checkCopy,
  checkReaders,
  checkRights,
  checkRoom,
  checkSentinels,
  closedConfig,
  type ConsumerInfo,
  type CopySize,
  filtersOf,
  type Finding,
  has,
  heldSubjects,
  intersectSets,
  isKeeper,
  isKept,
  isQueue,
  type JetStreamWriter,
  OpsError,
  type PreparedGroup,
  realSubjects,
  sizeOfCopy,
  STAND_IN_RUN,
  standInConfig,
  standInOf,
  type StreamConfig,
  type StreamInfo,
  takesKeeper,
  trialOf,
  wholeGroup,
} from '@aa-ops/topology';
import type { RunContext } from '../context.ts';
import type { Step } from '../step.ts';
import { settleFindings } from '../steps/findings.ts';
import { reservations } from '../steps/sizeUp.ts';
import { requireAsPlanned } from './stale.ts';
import { newlyReserved } from './trial.ts';

/** Everything that stands in the way is said before anything is changed. */
export const planReplaceStep: Step = {
  id: 'plan',
  title: 'Plan the stand-in',
  runbook: 'not in the runbook: what the server refuses to change in place (10052, 10012)',
  async run(context) {
    const { run, account } = context;
    const { stream, durable } = run.replacing!;
    const info = await requireStream(account, stream);
    if (run.groups.length > 0) return { status: 'already' };
    await requireAsPlanned(context, info);
    if (durable !== undefined) return { note: `${durable} is made anew where it stands` };
    const owned = realSubjects(info.config.subjects);
    const group = wholeGroup({
      origin: stream,
      target: standInOf(stream),
      run: run.id,
      round: 1,
      owned,
      filters: await heldSubjects(account, stream, owned),
      startSeq: info.state.first_seq,
    });
    const size = await sizeOf(account, group, info);
    const note = settleFindings(context, await findingsOf(context, info, group, size));
    run.replacing!.owned = owned;
    if (owned.length === 0 && isKept(info, await account.listConsumers(stream))) run.replacing!.kept = true;
    run.groups = [{ group, phase: 'planned', attempt: 0 }];
    await context.save();
    const what = `${stream} -> ${standInOf(stream)} -> ${stream}: ${size.messages} messages (${size.bytes} bytes), 0 deleted`;
    return { note: note ? `${what}; ${note}` : what };
  },
};

async function sizeOf(account: JetStreamWriter, group: PreparedGroup, info: StreamInfo): Promise<CopySize> {
  const [copy] = group.copies;
  return copy ? sizeOfCopy(account, copy, info) : { messages: 0, bytes: 0, mostPerSubject: 0 };
}

async function findingsOf(
  { account, run }: RunContext,
  info: StreamInfo,
  group: PreparedGroup,
  size: CopySize,
): Promise<Finding[]> {
  const { name } = info.config;
  const config = run.replacing!.config as StreamConfig;
  const anew = { config: { ...closedConfig(config), subjects: [] }, state: emptyState };
  const [streams, consumers, rights, used, ...taken] = await Promise.all([
    account.listStreams(),
    account.listConsumers(name),
    account.rights(),
    account.accountInfo(),
    account.stream(standInOf(name)),
    account.stream(trialOf(name)),
  ]);
  const durables = new Set(durablesOf(consumers).map((one) => one.name));
  const standIn = { config: { ...standInConfig(info.config, run.id), subjects: [] }, state: emptyState };
  const keeps = { interest: true, workqueue: has(account.server.version, 'sourceReaders') };
  // One that becomes a queue is to be able to become what it was again.
  const queue = [info.config, { ...config, subjects: info.config.subjects }].find(isQueue);
  const held = queue && (await account.subjectCounts(name, '>'));
  const inMemory = config.storage === 'memory';
  return [
    ...checkCopy({ origin: name, target: standInOf(name), filters: [] }, size, info, standIn, keeps),
    ...checkCopy({ origin: name, target: name, filters: [] }, size, info, anew, keeps),
    ...checkSentinels(group.copies, info),
    ...checkRoom(anew, size, false),
    ...checkKeeper(info, consumers),
    ...checkConsumers(anew, 0, { sources: 0, moved: durables.size, keepers: takesKeeper(config) ? 1 : 0 }),
    ...checkReaders(group, () => consumers, streams, durables),
    ...[info.config, config].flatMap(checkSources),
    ...checkQueueReaders(config, consumers),
    ...(queue
      ? checkClaims(
          queue,
          consumers.map((one) => one.config),
          held,
        )
      : []),
    ...taken
      .filter((one) => one !== undefined && one.config.metadata?.[STAND_IN_RUN] !== run.id)
      .map((one) => standInTaken(one!.config.name)),
    ...checkAccount(
      used,
      {
        bytes: size.bytes,
        memoryBytes: inMemory ? size.bytes : 0,
        ...reservations([{ ...config, max_bytes: newlyReserved(info.config, config) }]),
        unbounded: [standInOf(name), ...((config.max_bytes ?? 0) > 0 ? [] : [name])],
        streams: 1,
        consumers: [info.config, config].some(takesKeeper) ? 1 : 0,
      },
      info.config.num_replicas,
    ),
    ...checkRights(rights, [name, standInOf(name)], account.apiPrefix),
    ...[name, standInOf(name), trialOf(name)]
      .flatMap((one) => [`STREAM.CREATE.${one}`, `STREAM.DELETE.${one}`])
      .filter((right) => rights && !allows(rights.publish, `${account.apiPrefix}.${right}`))
      .map((right): Finding => ({
        code: 'right-missing',
        severity: 'refuse',
        message: `these credentials may not publish to ${account.apiPrefix}.${right}`,
        hint: 'grant it: a stream is deleted and made anew',
      })),
  ];
}

const emptyState: StreamInfo['state'] = {
  messages: 0,
  bytes: 0,
  first_seq: 0,
  first_ts: '',
  last_seq: 0,
  last_ts: '',
  consumer_count: 0,
};

/** A keeper has to stand (adr/0023); where there is no room for readers, gets compare. */
const checkKeeper = (info: StreamInfo, consumers: readonly ConsumerInfo[]): Finding[] =>
  takesKeeper(info.config) && !consumers.some(isKeeper)
    ? checkConsumers(info, consumers.length, { sources: 1, moved: 0, keepers: 1 })
    : [];

const checkSources = ({ name, sources }: StreamConfig): Finding[] =>
  (sources ?? []).length === 0
    ? []
    : [
        {
          code: 'stream-has-sources',
          severity: 'refuse',
          message: `${name} sources ${sources!.map((source) => source.name).join(', ')}: made anew it would copy from them again`,
          hint: 'take the sources away first',
        },
      ];

/** A work queue takes durables that ack each message (10098), and no two that read the same one (10099, 10100). */
function checkQueueReaders(config: StreamConfig, consumers: readonly ConsumerInfo[]): Finding[] {
  if (!isQueue(config)) return [];
  const durables = durablesOf(consumers);
  const pairs = durables.flatMap((one, n) => durables.slice(n + 1).map((other) => [one, other] as const));
  return [
    ...durables
      .filter((one) => one.config.ack_policy !== 'explicit')
      .map((one): Finding => ({
        code: 'queue-readers',
        severity: 'refuse',
        message: `${config.name} is to be a work queue, whose durables ack explicitly: ${one.name} has ackPolicy ${one.config.ack_policy}`,
        hint: `give ${one.name} ackPolicy explicit first, or end it`,
      })),
    ...pairs
      .filter(([one, other]) => intersectSets(filtersOf(one.config), filtersOf(other.config)).length > 0)
      .map(([one, other]): Finding => ({
        code: 'queue-readers',
        severity: 'refuse',
        message: `${config.name} is to be a work queue, which gives each message to one durable: ${one.name} and ${other.name} read the same subjects`,
        hint: 'make their filterSubjects disjoint, or end one of them',
      })),
  ];
}

const standInTaken = (name: string): Finding => ({
  code: 'stand-in-taken',
  severity: 'refuse',
  message: `a stream ${name} stands already, and not for this run`,
  hint: `look at what it holds (aa-ops streams info ${name}), and delete it if nobody needs it`,
});

/** Those that are to be made again; the keeper of a run is not (adr/0023). */
export const durablesOf = (consumers: readonly ConsumerInfo[]): ConsumerInfo[] =>
  consumers.filter((one) => one.config.durable_name && !isKeeper(one));

export async function requireStream(account: JetStreamWriter, name: string): Promise<StreamInfo> {
  const info = await account.stream(name);
  if (info) return info;
  throw new OpsError('stream-missing', `stream ${name} does not stand`, {
    kind: 'refused',
    hint: 'aa-ops plan shows how the account stands',
  });
}
