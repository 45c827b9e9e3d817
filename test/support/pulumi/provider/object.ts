/** A Kubernetes object as the engine passes it. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type Loose = any;

/** What the engine writes in a preview where a value is known only afterwards (sdk/go/common/resource/plugin/rpc.go). */
const UNKNOWN = '04da6b54-80e4-46f7-96ec-b56ff0331ba9';

export const hasUnknowns = (value: Loose): boolean =>
  value === UNKNOWN ||
  (typeof value === 'object' && value !== null && Object.values(value).some((it) => hasUnknowns(it)));

const isMap = (value: Loose): boolean => typeof value === 'object' && value !== null && !Array.isArray(value);

/** How two objects differ, leaf by leaf, by Pulumi's property paths: `spec.template.spec.containers[0].image`. Lists of other lengths differ as a whole. */
export function differences(
  before: Loose,
  after: Loose,
  path = '',
): { path: string; kind: 'add' | 'delete' | 'update' }[] {
  if (before === undefined && after === undefined) return [];
  if (before === undefined) return [{ path, kind: 'add' }];
  if (after === undefined) return [{ path, kind: 'delete' }];
  if (Array.isArray(before) && Array.isArray(after) && before.length === after.length)
    return after.flatMap((it: Loose, index: number) => differences(before[index], it, `${path}[${index}]`));
  if (isMap(before) && isMap(after)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])];
    return keys.flatMap((key) => differences(before[key], after[key], join(path, key)));
  }
  return JSON.stringify(before) === JSON.stringify(after) ? [] : [{ path, kind: 'update' }];
}

/** A property path with one more key: in brackets where it is no plain name. */
const join = (path: string, key: string): string =>
  /^[A-Za-z_][\w]*$/.test(key) ? (path ? `${path}.${key}` : key) : `${path}["${key}"]`;

/** The keys of a property path. */
export const keysOf = (path: string): string[] =>
  [...path.matchAll(/\["([^"]*)"\]|\[(\d+)\]|([^.[\]]+)/g)].map((it) => it[1] ?? it[2] ?? it[3]!);

/** What `live` says where `shape` says something: what a server added is no drift. */
export function prune(live: Loose, shape: Loose): Loose {
  if (live === undefined || shape === undefined) return undefined;
  if (Array.isArray(shape) && Array.isArray(live))
    return live.map((it: Loose, index: number) => (index in shape ? prune(it, shape[index]) : it));
  if (!isMap(shape) || !isMap(live)) return live;
  const kept = Object.keys(shape).flatMap((key) =>
    key in live ? [[key, prune(live[key], shape[key])]] : [],
  );
  return Object.fromEntries(kept);
}

export const read = (object: Loose, keys: readonly string[]): Loose =>
  keys.reduce((at, key) => at?.[key], object);

/** A copy of `object` with `value` at `keys`; undefined takes it out. */
export function write(object: Loose, keys: readonly string[], value: Loose): Loose {
  const [key, ...rest] = keys;
  if (key === undefined) return value;
  const copy = Array.isArray(object) ? [...object] : { ...object };
  const inner = write(copy[key], rest, value);
  if (inner === undefined) delete copy[key];
  else copy[key] = inner;
  return copy;
}
