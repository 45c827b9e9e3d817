import type { ConsumerFields, StreamFields } from '../model.ts';
import { formatDuration, formatSize, parseDuration, parseSize } from '../units/index.ts';
import { consumerFields } from './consumerFields.ts';
import type { FieldSpec, FieldTable } from './kinds.ts';
import { streamFields } from './streamFields.ts';

/** Whose config: a stream's or a consumer's. */
export type FieldOwner = 'stream' | 'consumer';
type Fields = Record<string, unknown>;

/** Says that a limit is none, in the file and in a plan; -1 (an age: 0) on the wire. */
export const UNLIMITED = 'unlimited';

const tables: Record<FieldOwner, FieldTable> = { stream: streamFields, consumer: consumerFields };

/** Stream fields as the file has them to the wire's. What the schema would refuse is left out. */
export const streamToWire = (fields: Fields): StreamFields => toWire(streamFields, fields);
/** Consumer fields as the file has them to the wire's. What the schema would refuse is left out. */
export const consumerToWire = (fields: Fields): ConsumerFields => toWire(consumerFields, fields);
/** A live config's fields as a topology file has them; what the file does not know (name, subjects) is left out. */
export const fromWire = (owner: FieldOwner, config: Fields): Fields => tableFromWire(tables[owner], config);

/** `max_age` to `maxAge`, `consumer_limits.max_ack_pending` to `consumerLimits.maxAckPending`, for people. */
export function fieldPath(owner: FieldOwner, wirePath: string): string {
  let table: FieldTable | undefined = tables[owner];
  return wirePath
    .split('.')
    .map((wire) => {
      const [name, spec] = byWire(table, wire) ?? [camelCase(wire), undefined];
      table = spec && 'fields' in spec ? spec.fields : table;
      return name;
    })
    .join('.');
}

/** A wire value as the file would have it (`7d`, `10GiB`, `unlimited`), JSON-safe; unknown fields pass unchanged. */
export function formatField(owner: FieldOwner, wirePath: string, value: unknown): unknown {
  let table: FieldTable | undefined = tables[owner];
  let spec: FieldSpec | undefined;
  for (const wire of wirePath.split('.')) {
    spec = byWire(table, wire)?.[1];
    table = spec && 'fields' in spec ? spec.fields : undefined;
  }
  if (value === undefined || value === null) return null;
  return spec ? valueFromWire(spec, value) : value;
}

function toWire(table: FieldTable, fields: Fields): Fields {
  const wire: Fields = {};
  for (const [name, value] of Object.entries(fields)) {
    const spec = Object.hasOwn(table, name) ? table[name] : undefined;
    const converted = spec && valueToWire(spec, value);
    if (spec && converted !== undefined) wire[spec.wire] = converted;
  }
  return wire;
}

function valueToWire(spec: FieldSpec, value: unknown): unknown {
  switch (spec.kind) {
    case 'age':
      return value === UNLIMITED ? 0 : parseDuration(String(value));
    case 'duration':
      return parseDuration(String(value));
    case 'durations':
      return listOf(value).map((one) => parseDuration(String(one)));
    case 'size':
      if (value === UNLIMITED) return -1;
      return typeof value === 'number' ? value : parseSize(String(value));
    case 'limit':
      return value === UNLIMITED ? -1 : value;
    case 'object':
      return toWire(spec.fields, value as Fields);
    case 'objects':
      return listOf(value).map((one) => toWire(spec.fields, one as Fields));
    default:
      return value;
  }
}

function tableFromWire(table: FieldTable, config: Fields): Fields {
  const fields: Fields = {};
  for (const [name, spec] of Object.entries(table)) {
    const value = config[spec.wire];
    if (value !== undefined && value !== null) fields[name] = valueFromWire(spec, value);
  }
  return fields;
}

function valueFromWire(spec: FieldSpec, value: unknown): unknown {
  switch (spec.kind) {
    case 'age':
      return value === 0 ? UNLIMITED : formatDuration(Number(value));
    case 'duration':
      return formatDuration(Number(value));
    case 'durations':
      return listOf(value).map((one) => formatDuration(Number(one)));
    case 'size':
      return value === -1 ? UNLIMITED : formatSize(Number(value));
    case 'limit':
      return value === -1 ? UNLIMITED : value;
    case 'object':
      return tableFromWire(spec.fields, value as Fields);
    case 'objects':
      return listOf(value).map((one) => tableFromWire(spec.fields, one as Fields));
    default:
      return value;
  }
}

const byWire = (table: FieldTable | undefined, wire: string) =>
  Object.entries(table ?? {}).find(([, spec]) => spec.wire === wire);
const camelCase = (wire: string) => wire.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
