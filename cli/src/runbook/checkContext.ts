import { OpsError } from '@aa-ops/topology';
import type { Baseline, Check, CheckContext, CheckResult } from '../checks/check.ts';
import { isWayBack, type RunContext } from './context.ts';

/** The checks' view of a run. `ownedIn`: the mode whose streams own the subjects right now. */
export const checkContext = (context: RunContext, ownedIn: string): CheckContext => ({
  topology: context.topology,
  mode: context.run.status === 'open' && isBeforeConfig(context) ? context.run.from : context.run.to,
  account: context.account,
  platform: context.platform,
  signal: context.signal,
  host: context.host,
  ownedIn,
  timeoutMs: context.timeouts.checksMs,
  ...(context.run.baseline === undefined ? {} : { baseline: context.run.baseline as Baseline }),
});

/**
 * What the file moved inside the live mode is what such a run is for: until then it cannot stand as it should. Nor can it where a
 * migration is turned round that had handed over some of its groups only.
 */
export const beforeHandover = ({ run }: RunContext, checks: readonly Check[]): readonly Check[] =>
  run.from === run.to || run.fromHalfWay ? checks.filter(({ id }) => !MOVED_BY_RUN.includes(id)) : checks;

const MOVED_BY_RUN = ['mode', 'streams', 'consumers', 'stream-counts'];

/** Until the ConfigMap is written, pods are expected in the mode that the run comes from. */
const isBeforeConfig = ({ run }: RunContext): boolean =>
  run.steps.find(({ id }) => id === 'config')!.startedAt === undefined;

export const reds = (results: readonly CheckResult[]): CheckResult[] =>
  results.filter(({ level }) => level === 'red');

export const describeRed = (red: readonly CheckResult[]): string =>
  red.map(({ title, evidence }) => `${title}: ${evidence}`).join('; ');

/**
 * What the checks mean for the run: with a `code`, a red one stops a way forward; otherwise, and on every way back, it is
 * noted and the run ends with exit 5.
 */
export function settleChecks(context: RunContext, results: readonly CheckResult[], code?: string): string {
  const red = reds(results);
  for (const { id, title, evidence, level } of results) {
    if (level !== 'green')
      context.host.notify({ level: 'warn', code: id, message: `${title}: ${evidence}`, data: { level } });
  }
  if (red.length > 0 && code !== undefined && !isWayBack(context)) {
    throw new OpsError(code, describeRed(red), {
      hint: red[0]!.next ?? 'aa-ops verify shows every check',
      details: { checks: results },
    });
  }
  const known = new Set(context.run.shortcomings);
  context.run.shortcomings.push(
    ...red.map(({ title, evidence }) => `${title}: ${evidence}`).filter((line) => !known.has(line)),
  );
  return `${results.length - red.length} of ${results.length} checks passed`;
}
