import type { Place } from './located.ts';

/** Something wrong with a topology file: where, what, and what to write instead. */
export interface Problem extends Place {
  /** Name of the rule, kebab-case. */
  code: string;
  /** An error stops every command; a warning is only shown. */
  severity: 'error' | 'warning';
  /** Lower case, no full stop; names the wrong value. */
  message: string;
  /** What to write instead, or the command to type. */
  fix: string;
}

/** `topology/athlete-ally.yaml:12:5: error: message [rule]` and the fix on a second line. */
export const formatProblem = (problem: Problem): string =>
  `${problem.file}:${problem.line}:${problem.column}: ${problem.severity}: ${problem.message} [${problem.code}]\n    ${problem.fix}`;

/** Nobody reads the thousandth. */
const MAX_PROBLEMS = 500;

/** By place, each once, and an end where there are too many. */
export function sortProblems(problems: readonly Problem[]): Problem[] {
  const distinct = new Map(problems.map((problem) => [JSON.stringify(problem), problem]));
  const sorted = [...distinct.values()].sort(
    (a, b) => Number(a.file > b.file) - Number(a.file < b.file) || a.line - b.line || a.column - b.column,
  );
  const [next, ...rest] = sorted.slice(MAX_PROBLEMS);
  if (!next) return sorted;
  const message = `${rest.length + 1} more problems follow`;
  const end: Problem = {
    ...next,
    code: 'too-many-problems',
    severity: 'error',
    message,
    fix: 'mend the first ones first',
  };
  return [...sorted.slice(0, MAX_PROBLEMS), end];
}

/** Whether one of them stops every command. */
export const hasErrors = (problems: readonly Problem[]): boolean =>
  problems.some(({ severity }) => severity === 'error');
