import {
  type AccountNeeds,
  checkAge,
  checkAllowances,
  checkCopy,
  checkQueues,
  checkRoom,
  checkUnread,
  type Copy,
  type CopySize,
  type Finding,
  has,
  OpsError,
  type Mover,
  type PairMemory,
  type Placed,
  type PreparedGroup,
  sizeOfCopy,
  type StreamConfig,
  type StreamInfo,
  sumOfSizes,
  type Topology,
} from '@aa-ops/topology';
import type { PlanContext } from './planMigration.ts';

/** What each copy brings and whether it can, and whether each target has room for all of its copies. */
export async function sizeUp(
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

/** What new streams set apart for themselves, by storage; a server counts maxBytes as used from the first moment on. */
export function reservations(
  created: readonly StreamConfig[],
): Pick<AccountNeeds, 'reserve' | 'memoryReserve' | 'unbounded'> {
  const sum = (storage: string): number =>
    created
      .filter((config) => (config.storage ?? 'file') === storage)
      .reduce((total, { max_bytes = 0 }) => total + Math.max(0, max_bytes), 0);
  const unbounded = created.filter(({ max_bytes = 0 }) => max_bytes <= 0).map(({ name }) => name);
  return { reserve: sum('file'), memoryReserve: sum('memory'), unbounded };
}

/** The durables of a mode, as the topology has them. */
export const placedIn = (topology: Topology, mode: string): Placed[] =>
  Object.entries(topology.modes[mode]?.consumers ?? {}).map(([name, { stream, fields }]) => ({
    stream,
    config: { ...topology.consumers[name], ...fields },
  }));

/** A stream that is still to be made has its limits all the same. */
const empty = (config: StreamConfig): Pick<StreamInfo, 'config' | 'state'> => ({
  config: { ...config, subjects: config.subjects ?? [] },
  state: { messages: 0, bytes: 0, first_seq: 0, first_ts: '', last_seq: 0, last_ts: '', consumer_count: 0 },
});
