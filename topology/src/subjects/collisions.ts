import { tokensOf } from './validity.ts';

/** A filter and whom it belongs to. */
export interface Owned<Owner> {
  subject: string;
  owner: Owner;
}

interface Branch<Owner> {
  next: Map<string, Branch<Owner>>;
  ends: Owned<Owner>[];
}

/**
 * Every pair of filters that overlap, in the order given, each pair once. A trie finds them without comparing each with
 * each: a thousand streams have millions of pairs and, most often, no collision.
 */
export function collisions<Owner>(filters: readonly Owned<Owner>[]): [Owned<Owner>, Owned<Owner>][] {
  const root: Branch<Owner> = { next: new Map(), ends: [] };
  const pairs: [Owned<Owner>, Owned<Owner>][] = [];
  for (const filter of filters) {
    const tokens = tokensOf(filter.subject);
    for (const earlier of colliding(root, tokens, 0)) pairs.push([earlier, filter]);
    let branch = root;
    for (const token of tokens) {
      const next = branch.next.get(token) ?? { next: new Map(), ends: [] };
      branch.next.set(token, next);
      branch = next;
    }
    branch.ends.push(filter);
  }
  return pairs;
}

function* colliding<Owner>(
  branch: Branch<Owner>,
  tokens: readonly string[],
  at: number,
): Generator<Owned<Owner>> {
  const token = tokens[at];
  if (token === undefined) {
    yield* branch.ends;
    return;
  }
  if (token === '>') {
    for (const next of branch.next.values()) yield* below(next);
    return;
  }
  const open = branch.next.get('>');
  if (open) yield* open.ends;
  if (token === '*') {
    for (const [literal, next] of branch.next) if (literal !== '>') yield* colliding(next, tokens, at + 1);
    return;
  }
  for (const same of [token, '*']) {
    const next = branch.next.get(same);
    if (next) yield* colliding(next, tokens, at + 1);
  }
}

function* below<Owner>(branch: Branch<Owner>): Generator<Owned<Owner>> {
  yield* branch.ends;
  for (const next of branch.next.values()) yield* below(next);
}
