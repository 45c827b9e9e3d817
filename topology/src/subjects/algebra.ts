/*
 * A filter stands for the set of literal subjects that it matches: `*` is exactly one token, `>` one or more, and both
 * match tokens that begin with `$` or `_` as well (unlike MQTT). All arguments must be valid (isValidFilter).
 */
import { tokensOf } from './validity.ts';

/** Whether a literal subject is one of those that the filter stands for. */
export const matches = (filter: string, subject: string): boolean =>
  isSubsetOfTokens(tokensOf(subject), tokensOf(filter), true);

/** Whether every subject of `a` is one of `b`. */
export const isSubset = (a: string, b: string): boolean => isSubsetOfTokens(tokensOf(a), tokensOf(b), false);

/** Whether some subject belongs to both; the server refuses two streams of one account that do (10065). */
export const overlaps = (a: string, b: string): boolean => intersect(a, b) !== null;

/** The subjects that belong to both. For NATS wildcards that is always one filter, or none: null. */
export function intersect(a: string, b: string): string | null {
  const left = tokensOf(a);
  const right = tokensOf(b);
  const both: string[] = [];
  for (let at = 0; ; at += 1) {
    const l = left[at];
    const r = right[at];
    if (l === undefined || r === undefined) return l === r ? both.join('.') : null;
    if (l === '>') return [...both, ...right.slice(at)].join('.');
    if (r === '>') return [...both, ...left.slice(at)].join('.');
    if (l !== r && l !== '*' && r !== '*') return null;
    both.push(l === '*' ? r : l);
  }
}

/** `literal`: the tokens of `a` are what was published, even where one is `*` or `>`. */
export function isSubsetOfTokens(a: readonly string[], b: readonly string[], literal: boolean): boolean {
  for (let at = 0; ; at += 1) {
    const l = a[at];
    const r = b[at];
    if (l === undefined || r === undefined) return l === r;
    if (r === '>') return true;
    if (!literal && l === '>') return false;
    if (l === r) continue;
    if (r !== '*') return false;
  }
}
