import { formatMs } from '../render/numbers.ts';
import { RESERVED_PREFIX } from '@aa-ops/topology';
import { type Check, type CheckContext, type Finding, green, red, skipped, yellow } from './check.ts';
import { expectedBinding, HRV_SUBJECT, ownerOf } from './expected.ts';
import { type Sample, select, sum } from './metricsText.ts';
import {
  type Counts,
  type Flow,
  growth,
  MESSAGES_TOTAL,
  observeFlow,
  successesOn,
  wasTaken,
} from './observeFlow.ts';
import { readPods, withoutPods } from './pods.ts';

const LOOK_AT_PODS = 'aa-ops status, then the logs of the pods';

export const e2e: Check = {
  id: 'e2e',
  title: 'One event through the front door becomes a row',
  runbook: 'Functional Testing, E2E Test: HRV Ingestion Flow',
  async run(context) {
    const { event, noEvent, isMissing, before, after } = await observeFlow(context);
    if (!event) return isMissing ? yellow(noEvent!, 'aa-ops verify, once it has one') : skipped(noEvent!);
    if (event.isLate && after.durable && before.durable && after.durable.pending > 0) {
      const worked = after.durable.delivered - before.durable.delivered;
      const backlog = `${event.problem}: ${after.durable.pending} messages wait before it, ${worked} were worked meanwhile`;
      if (worked > 0) return yellow(backlog, 'wait until the durable has caught up: aa-ops status');
    }
    if (event.problem !== undefined) return red(event.problem, LOOK_AT_PODS);
    const { userId, rmssd, lnRmssd, receivedMs, rowMs } = event;
    return green(
      `${userId}: received in ${formatMs(receivedMs!)}, a row in ${formatMs(rowMs!)}, rmssd ${rmssd}, ln ${lnRmssd!.toFixed(3)}`,
    );
  },
};

/** A check of what pods of a role have counted around the event. */
const countsCheck = (
  fields: Pick<Check, 'id' | 'title' | 'runbook'>,
  role: 'consumer' | 'producer',
  judge: (context: CheckContext, flow: Flow) => Promise<Finding> | Finding,
): Check => ({
  ...fields,
  async run(context) {
    const none = withoutPods(context, role);
    if (none) return none;
    const flow = await observeFlow(context);
    if (flow.after[`${role}s`].length > 0) return judge(context, flow);
    return red(`no metrics: ${flow.after.silent.join('; ') || `no ${role} pod runs`}`, LOOK_AT_PODS);
  },
});

export const metricsByStream = countsCheck(
  {
    id: 'metrics-stream',
    title: "The pods count messages of the mode's stream, and of no other",
    runbook: 'Metrics Verification, 1. Prometheus Metrics',
  },
  'consumer',
  async (context, flow) => {
    const binding = expectedBinding(context.topology, context.mode);
    if (!binding) return skipped(`no durable of mode ${context.mode} hears ${HRV_SUBJECT}`);
    const { stream } = binding;
    const { before, after } = flow;
    if (select(after.consumers, MESSAGES_TOTAL, { stream }).length === 0)
      return red(`no ${MESSAGES_TOTAL}{stream="${stream}"}`, LOOK_AT_PODS);
    const by = successesOn(after, stream) - successesOn(before, stream);
    const evidence = `${MESSAGES_TOTAL}{result="success",stream="${stream}"} ${successesOn(after, stream)}, +${by}`;
    if (wasTaken(flow) && by <= 0) return red(`${evidence}: it does not grow`, LOOK_AT_PODS);
    return (await judgeOtherStreams(context, flow, stream, evidence)) ?? green(evidence);
  },
);

/** Pods that work another stream too: after a partial rollout, or a fallback. */
async function judgeOtherStreams(
  context: CheckContext,
  { before, after }: Flow,
  stream: string,
  evidence: string,
): Promise<Finding | undefined> {
  const foreign = ({ consumers }: Counts): Sample[] =>
    select(consumers, MESSAGES_TOTAL).filter(({ labels, value }) => labels['stream'] !== stream && value > 0);
  const others = foreign(after);
  if (others.length === 0) return undefined;
  const names = [...new Set(others.map(({ labels }) => labels['stream']))].join(', ');
  const podNames = new Set(others.map(({ labels }) => labels['pod']));
  const mixed = `${evidence}; ${sum(others)} messages of ${names} in ${[...podNames].join(', ')}`;
  const next = `restart ${[...podNames].join(' and ')}, or look why it fell back`;
  const pods = (await readPods(context, 'consumer')).flatMap((one) => one.pods);
  const since = Date.now() - context.topology.thresholds.mixedStreamsMs;
  const isOld = pods.some(({ name, startedAt }) => podNames.has(name) && Date.parse(startedAt) < since);
  const goesOn = sum(others) > sum(foreign(before));
  return isOld && goesOn ? red(`${mixed}, still growing`, 'aa-ops rollback') : yellow(mixed, next);
}

export const publishedMetric = countsCheck(
  {
    id: 'metrics-published',
    title: 'The producers count events that a stream has stored',
    runbook: 'Monitoring, Success Indicators',
  },
  'producer',
  (_context, flow) => {
    const { before, after } = flow;
    const name = 'event_bus_events_published_total';
    const stored = ({ producers }: Counts): number =>
      sum(select(producers, name, { topic: 'hrv_raw_received', status: 'success' }));
    const by = stored(after) - stored(before);
    const evidence = `${name}{topic="hrv_raw_received",status="success"} ${stored(after)}, +${by}`;
    return wasTaken(flow) && by <= 0 ? red(`${evidence}: it does not grow`, LOOK_AT_PODS) : green(evidence);
  },
);

export const ingestErrors = countsCheck(
  {
    id: 'ingest-errors',
    title: 'POST /ingest/hrv answers nobody with 5xx',
    runbook: 'Monitoring, Failure Indicators',
  },
  'producer',
  (_context, { before, after }) => {
    const faults = ({ producers }: Counts): number =>
      sum(
        select(producers, 'http_requests_total', { route: '/ingest/hrv' }).filter(({ labels }) =>
          labels['status']?.startsWith('5'),
        ),
      );
    const [all, by] = [faults(after), faults(after) - faults(before)];
    if (all === 0) return green('no 5xx since the pods started');
    const evidence = `${all} answered with 5xx since the pods started, ${Math.max(0, by)} of them now`;
    return by > 0 ? red(evidence, 'aa-ops rollback') : yellow(evidence, 'look at the logs of the producers');
  },
);

export const streamCounts: Check = {
  id: 'stream-counts',
  title: 'The owner grows with the event, and streams that own nothing are idle',
  runbook: 'Metrics Verification, 2. Stream Message Counts',
  async run(context) {
    const { topology, account, ownedIn } = context;
    const flow = await observeFlow(context);
    const owner = ownerOf(topology, ownedIn, HRV_SUBJECT);
    const notes: string[] = [];
    if (owner) {
      notes.push(
        `${owner} last sequence ${flow.after.lastSeq.get(owner) ?? 'none'}, +${growth(flow, owner)}`,
      );
      if (wasTaken(flow) && growth(flow, owner) <= 0)
        return red(`${notes.join('; ')}: it does not grow`, 'aa-ops streams info ' + owner);
    }
    for (const name of flow.after.lastSeq.keys()) {
      const info = await account.stream(name);
      const hears = info?.config.subjects.some((subject) => !subject.startsWith(RESERVED_PREFIX));
      if (!info || hears || info.config.mirror || info.config.sources?.length) continue;
      const by = growth(flow, name);
      if (by > 0) return red(`${name} owns nothing and grew by ${by}`, `aa-ops streams info ${name}`);
      notes.push(`${name} idle at ${flow.after.lastSeq.get(name)}`);
    }
    return green(notes.join('; ') || 'no stream to look at');
  },
};
