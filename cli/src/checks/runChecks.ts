import { setTimeout as pause } from 'node:timers/promises';
import { messageOf, OpsError } from '@aa-ops/topology';
import type { Check, CheckContext, CheckResult, Finding, Level } from './check.ts';

/**
 * Runs checks side by side; results in their order, each id once. A check that throws is red, with the error as its
 * evidence. Throws the signal's reason when it is aborted.
 */
export async function runChecks(checks: readonly Check[], context: CheckContext): Promise<CheckResult[]> {
  const own = { ...context }; // what checks share is remembered per run of the list, not per caller
  const distinct = [...new Map(checks.map((check) => [check.id, check])).values()];
  const results = await Promise.all(distinct.map((check) => runCheck(check, own)));
  context.signal.throwIfAborted();
  return results;
}

async function runCheck(check: Check, context: CheckContext): Promise<CheckResult> {
  const { id, title } = check;
  try {
    return { id, title, ...(await check.run(context)) };
  } catch (error) {
    return { id, title, level: 'red', ...fault(error) };
  }
}

const fault = (error: unknown): Omit<Finding, 'level'> => ({
  evidence: messageOf(error) || String(error),
  ...(error instanceof OpsError && error.hint !== undefined ? { next: error.hint } : {}),
});

const RANK: Readonly<Record<Level, number>> = { green: 0, yellow: 1, red: 2 };

/** The worst level of all; green where there is none. */
export const overall = (results: readonly Pick<Finding, 'level'>[]): Level =>
  results.reduce<Level>((worst, { level }) => (RANK[level] > RANK[worst] ? level : worst), 'green');

const POLL_MS = 200;
/** A rollout has waited for readiness: what pods say of themselves follows within seconds, or not at all. */
const SETTLE_MS = 10_000;

/** `isFinal`: waiting would not change it. */
export type Look = Finding & { isFinal?: true };

/** Nobody who waits gets a right by it, and whoever asked has asked twice already; nor does a kubeconfig come by itself. */
const FOR_GOOD: ReadonlySet<string> = new Set([
  'kubernetes-forbidden',
  'kubernetes-unauthorized',
  'kubernetes-unconfigured',
  'kube-context',
  'kube-namespace',
]);

/** Whether the same look would fail of the same. */
export const isForGood = (error: unknown): boolean => error instanceof OpsError && FOR_GOOD.has(error.code);

/** Looks again while it is red, for 10 s or the context's time, whichever is less: what was restarted just now may need a moment. */
export async function untilNotRed(context: CheckContext, look: () => Promise<Look>): Promise<Finding> {
  const deadline = performance.now() + Math.min(context.timeoutMs, SETTLE_MS);
  for (;;) {
    const { isFinal, ...finding } = await look().catch((error: unknown): Look => ({
      level: 'red',
      ...fault(error),
      ...(isForGood(error) ? { isFinal: true } : {}),
    }));
    if (finding.level !== 'red' || isFinal || performance.now() >= deadline) return finding;
    await pause(POLL_MS, undefined, { signal: context.signal });
  }
}

/** Reads once for all checks of one run. */
export function oncePerRun<T>(read: (context: CheckContext) => Promise<T>): typeof read {
  const known = new WeakMap<CheckContext, Promise<T>>();
  return (context) => {
    const found = known.get(context) ?? read(context);
    known.set(context, found);
    return found;
  };
}
