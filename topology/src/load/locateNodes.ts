import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type Node,
  type ParsedNode,
  type YAMLMap,
} from 'yaml';
import type { Entry, Located, Place } from './located.ts';

/** What aliases may add to a file; a dozen lines of them can otherwise stand for more nodes than fit in memory. */
const MAX_ALIASED_NODES = 100_000;

type Report = (offset: number, code: string, message: string, fix: string) => void;

/** Turns a YAML document into values with places: aliases resolved, `<<` merged, duplicate and odd keys reported. */
export function locateNodes(
  document: Document.Parsed,
  placeAt: (offset: number) => Place,
  report: Report,
): Located {
  const done = new Map<Node, Located>();
  const open = new Set<Node>();
  let aliased = 0;

  const nothing = (offset: number): Located => ({
    place: placeAt(offset),
    size: 1,
    kind: 'scalar',
    value: null,
  });

  function visit(node: ParsedNode | Node | null, offset: number): Located {
    if (!node) return nothing(offset);
    const start = node.range?.[0] ?? offset;
    if (isAlias(node)) return visitAlias(node, start);
    const known = done.get(node);
    if (known) return known;
    open.add(node);
    const located = visitNew(node, start);
    open.delete(node);
    done.set(node, located);
    return located;
  }

  function visitAlias(
    node: { source: string; resolve(doc: Document): Node | undefined },
    start: number,
  ): Located {
    const target = node.resolve(document);
    if (!target) {
      report(
        start,
        'unknown-alias',
        `there is no anchor &${node.source} before *${node.source}`,
        'define it above',
      );
      return nothing(start);
    }
    if (open.has(target)) {
      report(start, 'alias-cycle', `*${node.source} stands inside its own anchor`, 'write the value out');
      return nothing(start);
    }
    const located = visit(target, start);
    aliased += located.size;
    if (aliased <= MAX_ALIASED_NODES) return located;
    if (aliased - located.size <= MAX_ALIASED_NODES)
      report(
        start,
        'yaml-bomb',
        `aliases stand for more than ${MAX_ALIASED_NODES} values`,
        'write the values out',
      );
    return nothing(start);
  }

  function visitNew(node: Node, start: number): Located {
    const place = placeAt(start);
    if (isSeq(node)) {
      const items = node.items.map((item) => visit(item as Node | null, start));
      return { place, size: items.reduce((sum, item) => sum + item.size, 1), kind: 'list', items };
    }
    if (isMap(node)) return visitMap(node, start);
    return { place, size: 1, kind: 'scalar', value: isScalar(node) ? node.value : null };
  }

  function visitMap(node: YAMLMap, start: number): Located {
    const entries = new Map<string, Entry>();
    const merged: Located[] = [];
    for (const pair of node.items) {
      const key = pair.key as Node | null;
      const offset = key?.range?.[0] ?? start;
      const value = visit(pair.value as Node | null, key?.range?.[1] ?? start);
      if (isScalar(key) && key.value === '<<' && key.type === 'PLAIN') merged.push(value);
      else if (!isScalar(key) || key.value === null || typeof key.value === 'object')
        report(offset, 'odd-key', 'the key is not a plain word', 'write a name before the colon');
      else
        addEntry(entries, String(key.source ?? key.value), { place: placeAt(offset), node: value }, offset);
    }
    for (const map of merged.flatMap((value) => (value.kind === 'list' ? value.items : [value]))) {
      if (map.kind !== 'map')
        report(start, 'odd-key', '<< merges something that is no map', 'merge an alias of a map');
      else for (const [name, entry] of map.entries) if (!entries.has(name)) entries.set(name, entry);
    }
    const size = [...entries.values()].reduce((sum, entry) => sum + entry.node.size, 1);
    return { place: placeAt(start), size, kind: 'map', entries };
  }

  function addEntry(entries: Map<string, Entry>, name: string, entry: Entry, offset: number) {
    const first = entries.get(name);
    if (name === '__proto__')
      report(offset, 'refused-name', 'the name __proto__ is refused', 'choose another name');
    else if (first)
      report(
        offset,
        'duplicate-key',
        `${name} stands twice: the first is in line ${first.place.line}`,
        'keep one of them',
      );
    else entries.set(name, entry);
  }

  return visit(document.contents, 0);
}
