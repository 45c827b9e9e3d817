import { type Located, locate, type Path, plainOf } from '../load/located.ts';
import type { Problem } from '../load/problem.ts';
import { explainIssue, valueAt } from './explainIssue.ts';
import { type TopologyFile, topologyFile } from './topologyFile.ts';

/** What a file says as far as its shape is right, and what was left out because it is not. */
export interface Shape {
  file: TopologyFile;
  problems: Problem[];
  /** Paths of what was left out: a rule that needs all of something must not judge by the rest. */
  leftOut: Path[];
}

/**
 * Checks the shape and reports everything that is wrong with it. What is wrong is then left out, so that the rules can
 * still judge the rest and all problems come at once.
 */
export function readShape(root: Located): Shape {
  const plain = plainOf(root);
  const value = isMap(plain)
    ? Object.fromEntries(Object.entries(plain).filter(([key]) => !key.startsWith('x-')))
    : plain;
  const problems: Problem[] = [];
  const leftOut: Path[] = [];
  for (let round = 0; round < 10; round += 1) {
    const parsed = topologyFile.safeParse(value);
    if (parsed.success) return { file: parsed.data, problems, leftOut };
    // What is left out in a later round was missing for an earlier one's sake: only the first says what is wrong.
    if (round === 0)
      for (const { path, at, code, message, fix } of parsed.error.issues.flatMap((issue) =>
        explainIssue(value, issue),
      ))
        problems.push({ ...locate(root, path, at), code, severity: 'error', message, fix });
    for (const issue of parsed.error.issues) {
      const paths =
        issue.code === 'unrecognized_keys' ? issue.keys.map((key) => [...issue.path, key]) : [issue.path];
      for (const path of paths as Path[]) leftOut.push(leaveOut(value, path));
    }
  }
  return { file: nothing, problems, leftOut: [[]] };
}

const nothing: TopologyFile = { version: 1, name: '', streams: {}, modes: {}, environments: {} };

/**
 * Takes the value at a path out: from a list, the whole list (the places of its other items must not shift); what is
 * missing, with the thing that misses it; what a topology cannot do without is replaced by nothing.
 */
function leaveOut(value: unknown, path: Path): Path {
  const inList = path.findIndex((step) => typeof step === 'number');
  let gone = inList === -1 ? path : path.slice(0, inList);
  if (gone.length > 1 && valueAt(value, gone) === undefined) gone = gone.slice(0, -1);
  const parent = valueAt(value, gone.slice(0, -1));
  const key = String(gone.at(-1));
  if (!isMap(parent)) return gone;
  if (gone.length === 1 && Object.hasOwn(nothing, key)) parent[key] = nothing[key as keyof TopologyFile];
  else delete parent[key];
  return gone;
}

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
