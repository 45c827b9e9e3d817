import { type Entry, formatPath, type Located, type Path } from './located.ts';
import type { Problem } from './problem.ts';

/** Maps that may be spread over several files; what stands in them must not. `*` is any name. */
const SPREAD: readonly Path[] = [
  [],
  ['streams'],
  ['consumers'],
  ['modes'],
  ['modes', '*'],
  ['modes', '*', 'subjects'],
  ['modes', '*', 'consumers'],
  ['environments'],
];
/** What every file may repeat, as long as it says the same. */
const REPEATED = new Set(['version', 'name']);

/** The files of a folder as if they were one. What stands in two of them is a problem that names both places. */
export function mergeFiles(nodes: readonly Located[]): { node?: Located; problems: Problem[] } {
  const problems: Problem[] = [];
  const [first, ...others] = nodes;
  if (!first) return { problems };
  return { node: others.reduce((sum, node) => mergeNodes(sum, node, [], problems), first), problems };
}

function mergeNodes(a: Located, b: Located, path: Path, problems: Problem[]): Located {
  if (a.kind !== 'map' || b.kind !== 'map') {
    const same = a.kind === 'scalar' && b.kind === 'scalar' && a.value === b.value;
    if (!(path.length === 1 && REPEATED.has(String(path[0])) && same))
      problems.push(twice(path, { place: a.place, node: a }, { place: b.place, node: b }));
    return a;
  }
  const entries = new Map(a.entries);
  for (const [name, entry] of b.entries) {
    const there = entries.get(name);
    const deeper = [...path, name];
    if (!there) entries.set(name, entry);
    else if (isSpread(deeper) || (path.length === 0 && REPEATED.has(name)))
      entries.set(name, { place: there.place, node: mergeNodes(there.node, entry.node, deeper, problems) });
    else problems.push(twice(deeper, there, entry));
  }
  return { ...a, size: a.size + b.size, entries };
}

const isSpread = (path: Path): boolean =>
  SPREAD.some(
    (pattern) =>
      pattern.length === path.length && pattern.every((step, at) => step === '*' || step === path[at]),
  );

const twice = (path: Path, first: Entry, second: Entry): Problem => ({
  ...second.place,
  code: 'duplicate-key',
  severity: 'error',
  message: `${formatPath(path)} stands twice: the first is at ${first.place.file}:${first.place.line}:${first.place.column}`,
  fix: 'keep one of them',
});
