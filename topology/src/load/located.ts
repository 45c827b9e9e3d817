/** A place in a file; line and column count from 1, columns in UTF-16 units. */
export interface Place {
  file: string;
  line: number;
  column: number;
}

export type Path = readonly (string | number)[];

/** A YAML value that knows where it stands. Aliases are resolved: the same node may be in several places of the tree. */
export type Located =
  | { place: Place; size: number; kind: 'scalar'; value: unknown }
  | { place: Place; size: number; kind: 'list'; items: Located[] }
  | { place: Place; size: number; kind: 'map'; entries: Map<string, Entry> };

export interface Entry {
  /** Where the key stands. */
  place: Place;
  node: Located;
}

/** The plain JavaScript value. */
export function plainOf(node: Located): unknown {
  if (node.kind === 'scalar') return node.value;
  if (node.kind === 'list') return node.items.map(plainOf);
  return Object.fromEntries([...node.entries].map(([key, entry]) => [key, plainOf(entry.node)]));
}

/**
 * Where the value at a path stands, or with `at: 'key'` its key. Where the path leads to nothing, the last key on the way
 * there: a missing field is shown at the thing that misses it.
 */
export function locate(root: Located, path: Path, at: 'key' | 'value' = 'value'): Place {
  let node = root;
  let key = root.place;
  for (const step of path) {
    const entry: Entry | undefined =
      node.kind === 'map'
        ? node.entries.get(String(step))
        : node.kind === 'list' && node.items[Number(step)]
          ? { place: node.items[Number(step)]!.place, node: node.items[Number(step)]! }
          : undefined;
    if (!entry) return key;
    key = entry.place;
    node = entry.node;
  }
  return at === 'key' ? key : node.place;
}

/** A path as people write it: `modes.multi.subjects.AA_DLQ[0]`. */
export const formatPath = (path: Path): string =>
  path.map((step, at) => (typeof step === 'number' ? `[${step}]` : at === 0 ? step : `.${step}`)).join('') ||
  'the file';
