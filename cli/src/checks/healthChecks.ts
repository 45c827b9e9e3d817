import type { Workload } from '@aa-ops/topology';
import type { Pod } from '../platform/platform.ts';
import { type Check, type CheckContext, type Finding, green, red, yellow } from './check.ts';
import { readPods, withoutPods } from './pods.ts';
import { reasonOf } from './reasonOf.ts';
import { isForGood, untilNotRed } from './runChecks.ts';

type Verdict = { level: 'green' | 'yellow' | 'red'; says: string };

export const health: Check = {
  id: 'health',
  title: 'Every pod answers its health endpoint as it should',
  runbook: 'Post-Deployment Verification, Immediate Checks, 4. Health Endpoints',
  run: async (context) => withoutPods(context) ?? untilNotRed(context, () => lookAtHealth(context)),
};

async function lookAtHealth(context: CheckContext): Promise<Finding> {
  const all = await readPods(context);
  const asked = await Promise.all(
    all.flatMap(({ workload, pods }) => pods.map((pod) => askHealth(context, workload, pod))),
  );
  if (asked.length === 0) return red('no pod is there to be asked', 'aa-ops verify, once pods run');
  const bad = asked.filter(({ level }) => level !== 'green');
  if (bad.length === 0) return green(`${asked.length} of ${asked.length} pods healthy`);
  const evidence = bad.map(({ says }) => says).join('; ');
  return bad.some(({ level }) => level === 'red')
    ? red(evidence, 'look at the log of that pod, and at what it says is disconnected')
    : yellow(evidence, 'its health endpoint should answer as the runbook shows');
}

async function askHealth({ platform }: CheckContext, workload: Workload, pod: Pod): Promise<Verdict> {
  try {
    const { status, body } = await platform.get(pod, workload.health);
    return judgeHealth(`${pod.name}${workload.health}`, workload.role, status, body);
  } catch (error) {
    if (isForGood(error)) throw error; // of one pod as of all
    return {
      level: 'red',
      says: `${pod.name}${workload.health}: ${reasonOf(error)}`,
    };
  }
}

/** The runbook's shapes: ingest says `eventBus`, normalize says `timestamp` and `services`. More keys are welcome. */
export function judgeHealth(where: string, role: Workload['role'], status: number, body: string): Verdict {
  const shown = body.length > 200 ? `${body.slice(0, 200)}...` : body;
  if (status !== 200) return { level: 'red', says: `${where} answers ${status} ${shown}` };
  const isShape = role === 'producer' ? isProducerHealth : isConsumerHealth;
  const parsed = parseObject(body);
  if (parsed && isShape(parsed)) return { level: 'green', says: where };
  if (parsed && typeof parsed['status'] === 'string' && parsed['status'] !== 'healthy') {
    return { level: 'red', says: `${where} says ${shown}` };
  }
  return { level: 'yellow', says: `${where} answers 200 in another shape: ${shown}` };
}

const isProducerHealth = (it: Record<string, unknown>): boolean =>
  it['status'] === 'healthy' && typeof it['service'] === 'string' && it['eventBus'] === 'connected';

function isConsumerHealth(it: Record<string, unknown>): boolean {
  const services = it['services'] as Record<string, unknown> | null | undefined;
  return (
    it['status'] === 'healthy' &&
    !Number.isNaN(Date.parse(String(it['timestamp']))) &&
    services?.['database'] === 'connected' &&
    services['nats'] === 'connected'
  );
}

/** The JSON object in a text; undefined where it is none. */
export function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}
