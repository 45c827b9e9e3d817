import { setTimeout as pause } from 'node:timers/promises';
import type { CheckContext } from './check.ts';
import { databaseUrl } from './database.ts';
import { expectedBinding, HRV_SUBJECT, ownerOf } from './expected.ts';
import { parseMetrics, type Sample, select, sum } from './metricsText.ts';
import { readPods } from './pods.ts';
import { reasonOf } from './reasonOf.ts';
import { oncePerRun } from './runChecks.ts';
import { type E2eResult, runE2e } from './runE2e.ts';

export const MESSAGES_TOTAL = 'normalize_hrv_messages_total';

/** What pods and streams have counted at one moment. */
export interface Counts {
  consumers: Sample[];
  producers: Sample[];
  /** Last sequence of each stream of the topology that stands. */
  lastSeq: Map<string, number>;
  /** How far the durable has been delivered, and what waits behind that; undefined where it does not stand. */
  durable: { delivered: number; pending: number } | undefined;
  /** Pods whose metrics could not be read, and why. */
  silent: string[];
}

/** Counts around one test event. */
export interface Flow {
  /** Absent: no event was sent. */
  event?: E2eResult;
  /** Why none was. */
  noEvent?: string;
  /** It is not because none is wanted, but because something is missing. */
  isMissing?: boolean;
  before: Counts;
  after: Counts;
}

const LOOK_EVERY_MS = 50;
/** A pod counts a message as soon as it has acked it. */
const COUNTED_MS = 5_000;

/** Counts, sends one event through the front door, awaits its row, and counts again: once for all checks of a run. */
export const observeFlow = oncePerRun(async (context: CheckContext): Promise<Flow> => {
  const before = await readCounts(context);
  const door = await findDoor(context);
  if ('noEvent' in door) return { ...door, before, after: before };
  const event = await runE2e({ ...door, signal: context.signal });
  let after = await readCounts(context);
  const deadline = performance.now() + Math.min(COUNTED_MS, context.timeoutMs);
  while (event.problem === undefined && !isCounted(context, before, after) && performance.now() < deadline) {
    await pause(LOOK_EVERY_MS, undefined, { signal: context.signal });
    after = await readCounts(context);
  }
  return { event, before, after };
});

async function findDoor(context: CheckContext) {
  const { platform, topology, mode } = context;
  if (context.sendsEvent === false) return { noEvent: 'no test event is wanted' };
  if (platform.kind === 'none') return { noEvent: 'platform none, no pods are managed here' };
  if (!topology.workloads.some(({ role }) => role === 'producer'))
    return { noEvent: 'the topology names no producer' };
  if (!expectedBinding(topology, mode)) return { noEvent: `no durable of mode ${mode} hears ${HRV_SUBJECT}` };
  const [frontDoor, database] = await Promise.all([platform.frontDoor(), databaseUrl(context)]);
  if (!frontDoor) return { noEvent: 'the front door has no address', isMissing: true };
  if (!database) return { noEvent: 'the database has no URL', isMissing: true };
  const token = process.env['INGEST_TOKEN'];
  return {
    frontDoor,
    post: platform.post,
    databaseUrl: database,
    userId: context.testUser ?? `${topology.environment.name}-e2e-test`,
    timeoutMs: context.timeoutMs,
    ...(token ? { token } : {}),
  };
}

async function readCounts(context: CheckContext): Promise<Counts> {
  const { account, topology } = context;
  const binding = expectedBinding(topology, context.mode);
  const silent: string[] = [];
  const [consumers, producers, infos, durable] = await Promise.all([
    readSamples(context, 'consumer', silent),
    readSamples(context, 'producer', silent),
    Promise.all(Object.keys(topology.streams).map((name) => account.stream(name))),
    binding && account.consumer(binding.stream, binding.durable),
  ]);
  const lastSeq = new Map(
    infos.flatMap((info) => (info ? [[info.config.name, info.state.last_seq] as const] : [])),
  );
  return {
    consumers,
    producers,
    lastSeq,
    durable: durable && { delivered: durable.delivered.stream_seq, pending: durable.num_pending },
    silent,
  };
}

/** The metrics of all pods of a role, each sample with the pod's name as a label. */
async function readSamples(
  context: CheckContext,
  role: 'consumer' | 'producer',
  silent: string[],
): Promise<Sample[]> {
  if (context.platform.kind === 'none') return [];
  // Where no pod can be listed, streams and rows are looked at all the same.
  const workloads = await readPods(context, role).catch((error: unknown) => {
    silent.push(`${role} pods: ${reasonOf(error)}`);
    return [];
  });
  const asked = workloads.flatMap(({ workload, pods }) =>
    pods.map(async (pod) => {
      try {
        const { status, body } = await context.platform.get(pod, workload.metrics);
        if (status !== 200) throw new Error(`${workload.metrics} answers ${status}`);
        return parseMetrics(body).map((sample) => ({
          ...sample,
          labels: { ...sample.labels, pod: pod.name },
        }));
      } catch (error) {
        silent.push(`${pod.name}: ${reasonOf(error)}`);
        return [];
      }
    }),
  );
  return (await Promise.all(asked)).flat();
}

/** An event went in: whatever counts events has to have counted one. */
export const wasTaken = ({ event }: Flow): boolean =>
  event !== undefined && (event.problem === undefined || event.isLate === true);

/** Messages that pods made rows of, by the stream that they came from. */
export const successesOn = ({ consumers }: Counts, stream: string): number =>
  sum(select(consumers, MESSAGES_TOTAL, { result: 'success', stream }));

/** How much a stream grew between the two counts. */
export const growth = ({ before, after }: Pick<Flow, 'before' | 'after'>, stream: string): number =>
  (after.lastSeq.get(stream) ?? 0) - (before.lastSeq.get(stream) ?? 0);

function isCounted(context: CheckContext, before: Counts, after: Counts): boolean {
  const binding = expectedBinding(context.topology, context.mode);
  const owner = ownerOf(context.topology, context.ownedIn, HRV_SUBJECT);
  const isWorked = !binding || successesOn(after, binding.stream) > successesOn(before, binding.stream);
  return isWorked && (!owner || growth({ before, after }, owner) > 0);
}
