import { intersect, isSubset, isSubsetOfTokens } from './algebra.ts';
import { tokensOf } from './validity.ts';

/**
 * Drops duplicates and every filter that lies within another one of the set; the order of the rest is kept. What only a
 * union of several others covers stays.
 */
export function reduce(filters: readonly string[]): string[] {
  const distinct = [...new Set(filters)];
  return distinct.filter((one) => !distinct.some((other) => other !== one && isSubset(one, other)));
}

/** Whether two lists without duplicates hold the same filters, in whatever order. */
export const sameFilters = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((filter) => b.includes(filter));

/** The subjects that belong to both sets, reduced; empty where there is none. */
export function intersectSets(as: readonly string[], bs: readonly string[]): string[] {
  return reduce(as.flatMap((a) => bs.map((b) => intersect(a, b)).filter((both) => both !== null)));
}

/**
 * Whether a filter that comes overlaps one that goes. A server that is to hear both in turn adds first, and what comes in between is heard by
 * both (docs/adr/0020).
 */
export const replacesFilters = (before: readonly string[], after: readonly string[]): boolean =>
  intersectSets(
    before.filter((filter) => !after.includes(filter)),
    after.filter((filter) => !before.includes(filter)),
  ).length > 0;

/**
 * Whether the union of the filters holds every subject of `subject`, which may itself be a filter. Exact: `a.*` and `a.*.>`
 * together cover `a.>`, which neither of them does alone.
 */
export function covers(filters: readonly string[], subject: string): boolean {
  return coversTokens(filters.map(tokensOf), tokensOf(subject));
}

/** Whether the union of `filters` holds every subject of each of `subjects`. */
export const coversAll = (filters: readonly string[], subjects: readonly string[]): boolean =>
  subjects.every((subject) => covers(filters, subject));

/**
 * Consumes one token of everything a turn, so it ends when the longest filter does. A wildcard in `subject` is tried with
 * every literal that a filter has in that place, and with one that none of them has (`null`). A filter `>` never gets
 * past the first line while a token is left, and holds nothing once none is.
 */
function coversTokens(filters: readonly string[][], subject: readonly string[]): boolean {
  if (filters.some((filter) => isSubsetOfTokens(subject, filter, false))) return true;
  const [head, ...rest] = subject;
  if (head === undefined || filters.length === 0) return false;
  const after = (token: string | null) =>
    filters.filter(([first]) => first === '*' || first === token).map((tokens) => tokens.slice(1));
  if (head !== '*' && head !== '>') return coversTokens(after(head), rest);
  const literals = filters.flatMap(([first]) => (first === undefined || first === '*' ? [] : [first]));
  const tails = head === '>' ? [[], ['>']] : [rest];
  return [...new Set(literals), null].every((token) => {
    const next = after(token);
    return tails.every((tail) => coversTokens(next, tail));
  });
}
