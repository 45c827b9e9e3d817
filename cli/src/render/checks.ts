import type { CheckResult, Level } from '../checks/check.ts';
import { clean } from './clean.ts';
import { formatAmount } from './numbers.ts';
import type { Paint } from './paint.ts';

/** One line a check: level, title and what was seen; below it what to do, where it is not green. */
export function renderChecks(
  { overall, checks }: { overall: Level; checks: readonly CheckResult[] },
  paint: Paint,
): string {
  const lines = checks.flatMap(({ level, title, evidence, next, skipped }) => [
    `${skipped ? paint.dim('-     ') : paint[level](level.padEnd(6))}  ${paint.bold(title)}: ${clean(evidence)}`,
    ...(next === undefined || level === 'green' ? [] : [`        ${paint.dim('next:')} ${clean(next)}`]),
  ]);
  return [...lines, '', `${paint[overall](overall)}: ${countLine(checks)}`].join('\n');
}

function countLine(checks: readonly CheckResult[]): string {
  const ran = checks.filter((check) => !check.skipped);
  const of = (level: Level): number => ran.filter((check) => check.level === level).length;
  const parts = (['red', 'yellow', 'green'] as const).flatMap((level) =>
    of(level) ? [`${of(level)} ${level}`] : [],
  );
  if (ran.length < checks.length) parts.push(`${checks.length - ran.length} skipped`);
  return `${formatAmount(checks.length, 'check')}, ${parts.join(', ')}`;
}
