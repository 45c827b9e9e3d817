import { formatAmount, formatAgo } from '../render/numbers.ts';
import { type Check, type CheckContext, green, red, skipped, yellow } from './check.ts';
import { readPods, withoutPods, type WorkloadPods } from './pods.ts';
import { type Look, untilNotRed } from './runChecks.ts';

export const platformAnswers: Check = {
  id: 'platform',
  title: 'The platform of the pods can be reached',
  runbook: 'Prerequisites, Infrastructure Access and Tools Required',
  async run(context) {
    const none = withoutPods(context);
    if (none) return none;
    const counts = (await readPods(context)).map(
      ({ workload, pods }) => `${formatAmount(pods.length, 'pod')} of ${workload.name}`,
    );
    return green(`${context.platform.name}: ${counts.join(', ')}`);
  },
};

/** What pods must not be told: who owns which stream is not theirs to decide (docs/runtime.md). */
const FORBIDDEN = ['FEATURE_SERVICE_MANAGES_STREAMS', 'FEATURE_SERVICE_MANAGES_CONSUMERS'];
const OFF = /^(false|0|no|off|)$/i;

export const configMap: Check = {
  id: 'config-map',
  title: 'The ConfigMap has the mode, and pods manage neither streams nor consumers',
  runbook: 'Deployment, Step 1: Update Kubernetes ConfigMaps',
  async run(context) {
    const spec = context.topology.configMap;
    const none = withoutPods(context) ?? (spec ? undefined : skipped('the topology names no ConfigMap'));
    if (none || !spec) return none!;
    const { data } = await context.platform.readMode();
    if (Object.keys(data).length === 0) {
      return red(`${spec.name} is empty or missing`, `make it, with ${spec.modeKey}=${context.mode}`);
    }
    const managing = FORBIDDEN.filter((key) => !OFF.test(data[key] ?? ''));
    if (managing.length > 0) {
      const pairs = managing.map((key) => `${key}=${data[key]}`).join(', ');
      return red(`${spec.name} has ${pairs}`, `set ${managing.join(' and ')} to false and restart the pods`);
    }
    const wanted = { ...spec.data, [spec.modeKey]: context.mode };
    const wrong = Object.entries(wanted).filter(([key, value]) => data[key] !== value);
    if (wrong.length === 0)
      return green(
        Object.entries(wanted)
          .map(([key, value]) => `${key}=${value}`)
          .join(', '),
      );
    const evidence = wrong
      .map(([key, value]) => `${key} is ${data[key] === undefined ? 'not set' : data[key]}, not ${value}`)
      .join('; ');
    const next = `aa-ops migrate --to ${context.mode} writes it`;
    return wrong.some(([key]) => key === spec.modeKey) ? red(evidence, next) : yellow(evidence, next);
  },
};

export const podsReady: Check = {
  id: 'pods-ready',
  title: 'Every pod is ready and none crashes again and again',
  runbook: 'Monitoring, Failure Indicators',
  async run(context) {
    const none = withoutPods(context);
    if (none) return none;
    return untilNotRed(context, async () => judgePods(await readPods(context), context));
  },
};

function judgePods(all: WorkloadPods[], { topology }: CheckContext): Look {
  const pods = all.flatMap((one) => one.pods);
  const counts = all
    .map(
      ({ workload, pods }) =>
        `${workload.name} ${pods.filter(({ ready }) => ready).length}/${pods.length} ready`,
    )
    .join(', ');
  const looping = pods.filter(({ crashLoop }) => crashLoop);
  if (looping.length > 0) {
    const which = looping.map(
      ({ name, restarts }) => `${name} crashes again and again (${restarts} restarts)`,
    );
    const next = 'aa-ops rollback, then look at the log of that pod';
    return { ...red(`${counts}; ${which.join(', ')}`, next), isFinal: true };
  }
  const down = all.filter((one) => !one.pods.some(({ ready }) => ready));
  if (down.length > 0) return red(counts, `look at the log of ${down[0]!.workload.name}`);
  const late = pods.filter(({ ready }) => !ready);
  if (late.length > 0)
    return yellow(`${counts}; ${late.map(({ name }) => name).join(', ')} not`, 'wait, or look at its log');
  const since = Date.now() - topology.thresholds.mixedStreamsMs;
  const restarted = pods.filter(({ restarts, startedAt }) => restarts > 0 && Date.parse(startedAt) > since);
  if (restarted.length === 0) return green(counts);
  const which = restarted.map(
    ({ name, restarts, startedAt }) => `${name} started again ${formatAgo(startedAt)} (${restarts} restarts)`,
  );
  return yellow(`${counts}; ${which.join(', ')}`, 'look at the end of its previous log');
}
