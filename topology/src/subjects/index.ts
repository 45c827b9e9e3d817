export { intersect, isSubset, matches, overlaps } from './algebra.ts';
export { collisions, type Owned } from './collisions.ts';
export { covers, coversAll, intersectSets, reduce, replacesFilters } from './sets.ts';
export { isLiteral, isValidFilter, isValidSubject, tokensOf } from './validity.ts';
export * from './deadLetters.ts';
