import { OpsError } from '@aa-ops/topology';

/** What a value of the state has to be for this version to work with it; anything else is refused before it is worked with. */
type Check = (value: unknown) => string | undefined;

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const lists = (value: unknown, names: readonly string[]): string | undefined => {
  if (!isObject(value)) return 'it is no object';
  const missing = names.find((name) => !Array.isArray(value[name]));
  return missing === undefined ? undefined : `it has no list ${missing}`;
};

const texts = (value: unknown, names: readonly string[]): string | undefined => {
  if (!isObject(value)) return 'it is no object';
  const missing = names.find((name) => typeof value[name] !== 'string');
  return missing === undefined ? undefined : `it has no text ${missing}`;
};

const CHECKS: readonly [RegExp, Check][] = [
  [
    /^open$/,
    (value) =>
      isObject(value) && (value['run'] === null || typeof value['run'] === 'string')
        ? undefined
        : 'it names no run, and not that there is none',
  ],
  [
    /^run\./,
    (value) =>
      texts(value, ['id', 'command', 'from', 'to', 'status']) ??
      lists(value, ['steps', 'groups', 'consumers', 'shortcomings']),
  ],
  [/^journal\./, (value) => texts(value, ['effect', 'phase'])],
  [/^memory$/, (value) => lists(value, ['nextStarts', 'blocks'])],
  [/^lease$/, (value) => (value === null ? undefined : texts(value, ['token', 'host', 'operator']))],
];

/** The version of the run documents that this program reads and writes. */
export const STATE_VERSION = 1;

/** `name`: the key without its prefix. OpsError `state-version`, `state-invalid`. */
export function checkState(key: string, name: string, value: unknown): void {
  if (name.startsWith('run.') && isObject(value) && value['schemaVersion'] !== STATE_VERSION) {
    throw new OpsError(
      'state-version',
      `${key} was written by another version of aa-ops: schemaVersion ${String(value['schemaVersion'])}, not ${STATE_VERSION}`,
      {
        kind: 'refused',
        hint: 'use the version of aa-ops that began the run; nothing was touched',
        details: { key, schemaVersion: value['schemaVersion'] },
      },
    );
  }
  const wrong = CHECKS.find(([names]) => names.test(name))?.[1](value);
  if (wrong === undefined) return;
  throw new OpsError('state-invalid', `${key} in the state bucket is not what aa-ops writes: ${wrong}`, {
    kind: 'refused',
    hint: `nothing was touched; look at it with: nats kv get aa-ops ${key}`,
    details: { key },
  });
}

/** `open` names a run that has no document: what was begun, and how far, is not known. */
export const danglingRun = (prefix: string, run: string): OpsError =>
  new OpsError('state-dangling', `the state says that run ${run} is open, and holds no document of it`, {
    kind: 'refused',
    hint: `see with aa-ops plan how the account stands; once it is in a mode: nats kv put aa-ops ${prefix}open '{"run":null}'`,
    details: { run },
  });
