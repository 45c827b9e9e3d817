import { formatAmount, formatMs } from '../render/numbers.ts';
import { type CheckContext, type Finding, isBeforeHandover, red, yellow } from './check.ts';
import { type ExpectedBinding, HRV_SUBJECT } from './expected.ts';
import { parseObject } from './healthChecks.ts';
import { bindingLogCheck, judgeEach, notFound } from './judgeLogs.ts';
import { type BindingStory, type PodLog, readPodLogs, tellBinding } from './podLogs.ts';

export const logBinding = bindingLogCheck(
  {
    id: 'log-binding',
    title: "Every consumer pod is bound to the durable on the mode's stream",
    runbook: 'Post-Deployment Verification, Immediate Checks, 2. Consumer Binding',
  },
  async (context, expected) => {
    const logs = await readPodLogs(context, 'consumer');
    const bound = new Map(
      await Promise.all(logs.map(async (log) => [log.pod, await currentBinding(context, log)] as const)),
    );
    return judgeEach(
      logs,
      (log) => judgeBinding(bound.get(log.pod)!, log, context, expected),
      `${expected.durable} on ${expected.stream}`,
    );
  },
);

/** From the log; of a pod that has said too much since, from its health. */
async function currentBinding(context: CheckContext, log: PodLog): Promise<BindingStory> {
  const story = tellBinding(log.lines);
  if (story.stream || !log.isCut) return story;
  const answer = log.state && (await context.platform.get(log.state, log.workload.health));
  const work = parseObject(answer?.body ?? '')?.['work'] as Record<string, unknown> | undefined;
  return typeof work?.['stream'] === 'string'
    ? { ...story, stream: work['stream'], durable: String(work['durable']) }
    : story;
}

function judgeBinding(
  story: BindingStory,
  log: PodLog,
  context: CheckContext,
  { durable, stream }: ExpectedBinding,
): Finding | undefined {
  const look = `aa-ops consumers info ${stream} ${durable}`;
  if (story.failures > 0 && !story.stream) return red('it found the durable on no stream', look);
  if (!story.stream) return notFound(log, '"Found existing HRV consumer"');
  if (story.durable !== durable)
    return red(`bound to ${story.durable}, not to ${durable}`, 'correct NORMALIZE_HRV_DURABLE');
  if (story.subject !== undefined && story.subject !== HRV_SUBJECT) {
    return yellow(`its durable hears ${story.subject}`, look);
  }
  if (story.stream === stream) return undefined;
  const ageMs = log.state ? Date.now() - Date.parse(log.state.startedAt) : 0;
  const evidence = `bound on ${story.stream}, not on ${stream}, started ${formatMs(ageMs)} ago`;
  const { fallbackMs } = context.topology.thresholds;
  return isBeforeHandover(context) || ageMs > fallbackMs ? red(evidence, look) : yellow(evidence, look);
}

export const logFallback = bindingLogCheck(
  {
    id: 'log-fallback',
    title: 'No consumer pod had to fall back to another stream',
    runbook: 'Monitoring, Warning Indicators',
  },
  async (context, { stream, durable }) =>
    judgeEach(
      await readPodLogs(context, 'consumer'),
      ({ lines }) => {
        const { fallbacks } = tellBinding(lines);
        return fallbacks > 0
          ? yellow(
              `tried the next candidate ${formatAmount(fallbacks, 'time')}`,
              `aa-ops consumers info ${stream} ${durable}`,
            )
          : undefined;
      },
      'no fallback since they started',
    ),
);

export const logNoConsumer = bindingLogCheck(
  {
    id: 'log-no-consumer',
    title: 'No consumer pod failed to find its durable',
    runbook: 'Monitoring, Failure Indicators',
  },
  async (context, { stream, durable }) =>
    judgeEach(
      await readPodLogs(context, 'consumer'),
      ({ lines }) => {
        const { failures, stream: bound } = tellBinding(lines);
        if (failures === 0) return undefined;
        const evidence = `found no durable ${formatAmount(failures, 'time')}${bound ? `, bound on ${bound} since` : ''}`;
        const next = `aa-ops consumers info ${stream} ${durable}`;
        return bound ? yellow(evidence, next) : red(evidence, next);
      },
      'found at the first look',
    ),
);
