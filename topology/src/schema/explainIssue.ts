import type { z } from 'zod';
import { formatPath, type Path } from '../load/located.ts';
import { suggestDuration, suggestSize } from './suggestUnit.ts';
import { chooseFrom, suggest } from './suggest.ts';

/** A shape error: where, what, and what to write instead. */
export interface ShapeFinding {
  path: Path;
  at: 'key' | 'value';
  code: string;
  message: string;
  fix: string;
}

type Issue = z.core.$ZodIssue;

/** The names in fieldSchema.ts: what was expected, the rule's name, and what to write. */
const expectations: Record<
  string,
  [code: string, expected: string, fix: (value: unknown, issue: Issue) => string]
> = {
  text: ['wrong-type', 'a text', quoted],
  'string-value': ['wrong-type', 'a text', quoted],
  flag: [
    'wrong-type',
    'true or false',
    (v) => (/^(no|off|n|false|0)$/i.test(String(v)) ? 'write false' : 'write true'),
  ],
  map: ['wrong-type', 'a map of names to values', () => 'write `name: value` lines below it, or {}'],
  list: [
    'wrong-type',
    'a list',
    (v) => (v === null || typeof v === 'object' ? 'write a list: [a, b]' : `write a list: [${show(v)}]`),
  ],
  count: [
    'wrong-type',
    'a whole number',
    (_, issue) => `write a whole number${'minimum' in issue ? ` of at least ${issue.minimum}` : ''}`,
  ],
  port: ['wrong-type', 'a port', () => 'write a number from 1 to 65535'],
  limit: ['wrong-type', 'a whole number or unlimited', () => 'write a whole number, or unlimited'],
  duration: ['bad-duration', 'a duration', suggestDuration],
  age: ['bad-duration', 'a duration or unlimited', suggestDuration],
  size: ['bad-size', 'a size', suggestSize],
  time: ['wrong-type', 'an instant', () => 'write it as 2025-10-02T08:00:00Z'],
  version: ['wrong-value', 'a version that this aa-ops reads', () => 'write version: 1'],
};

/** A file of garbage may have a hundred thousand keys; nobody reads the thousandth. */
const MAX_KEYS = 50;

/** One zod issue as people can use it. `root` is the value that was checked. */
export function explainIssue(root: unknown, issue: Issue, base: Path = []): ShapeFinding[] {
  const path = [...base, ...(issue.path as Path)];
  const value = valueAt(root, path);
  if (issue.code === 'unrecognized_keys') {
    const known = issue.message.split(' ');
    const found = issue.keys.slice(0, MAX_KEYS).map((key) => unknownKey(path, key, known));
    const more = issue.keys.length - found.length;
    const message = `${more} more keys of ${formatPath(path)} are unknown`;
    return more > 0
      ? [...found, { path, at: 'key', code: 'unknown-key', message, fix: chooseFrom('', known) }]
      : found;
  }
  if (value === undefined) return [missing(path)];
  if (issue.code === 'invalid_union' && !(issue.message in expectations)) {
    // The branch that got furthest is the one that was meant: a list, or a map.
    const branch = issue.errors.find((errors) =>
      errors.every((one) => one.path.length > 0 || one.code !== 'invalid_type'),
    );
    if (branch) return branch.flatMap((one) => explainIssue(root, one, path));
  }
  const wrong = (code: string, expected: string, fix: string): ShapeFinding[] => [
    { path, at: 'value', code, message: `${formatPath(path)} is ${show(value)}, not ${expected}`, fix },
  ];
  if (issue.code === 'invalid_value' && issue.message === 'choice') {
    const words = issue.values.map(String);
    return wrong(
      'wrong-value',
      words.length === 2 ? words.join(' or ') : `one of ${words.join(', ')}`,
      chooseFrom(String(value), words),
    );
  }
  const [code, expected, fix] = expectations[issue.message] ?? [
    'wrong-type',
    'what belongs here',
    () => 'see docs/topology.md',
  ];
  return wrong(code, expected, fix(value, issue));
}

/** Names that JetStream or an older tool uses, and what this file has instead. */
const instead: Record<string, string> = {
  subjects: 'write the subjects in modes.<mode>.subjects',
  name: 'the name is the key of the entry: leave it out',
  durableName: 'the name is the key of the entry: leave it out',
  durable: 'the name is the key of the entry: leave it out',
  filterSubject: 'write filterSubjects: [subject]',
  numReplicas: 'write replicas',
  stream: 'write the stream in modes.<mode>.consumers',
  deliverSubject: 'push consumers are not managed: use a durable pull consumer',
  deliverGroup: 'push consumers are not managed: use a durable pull consumer',
  sealed: 'sealing cannot be taken back and is not managed',
};

function unknownKey(path: Path, key: string, known: string[]): ShapeFinding {
  const meant = suggest(key, known);
  const camel = key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
  const fix = instead[camel] ?? (meant === undefined ? chooseFrom(key, known) : `write ${meant}`);
  return {
    path: [...path, key],
    at: 'key',
    code: 'unknown-key',
    message: `${formatPath([...path, key])} is unknown${meant === undefined ? '' : `: did you mean ${meant}?`}`,
    fix,
  };
}

const missing = (path: Path): ShapeFinding => ({
  path: path.slice(0, -1),
  at: 'key',
  code: 'missing-key',
  message: `${formatPath(path.slice(0, -1))} has no ${String(path.at(-1))}`,
  fix: `add ${String(path.at(-1))}: …`,
});

/** The value at a path; undefined where it leads to nothing. */
export function valueAt(root: unknown, path: Path): unknown {
  let value = root;
  for (const step of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Record<string | number, unknown>)[step];
  }
  return value;
}

function quoted(value: unknown): string {
  return value === null || typeof value === 'object' ? 'write a text' : `write "${String(value)}", in quotes`;
}

/** A value in a message: JSON, cut short. */
export function show(value: unknown): string {
  if (value === null) return 'empty';
  const json = JSON.stringify(value) ?? String(value);
  return json.length > 60 ? `${json.slice(0, 57)}…` : json;
}
