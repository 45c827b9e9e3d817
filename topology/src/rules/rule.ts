import { formatPath, type Path } from '../load/located.ts';
import type { ConsumerFields, Mode, StreamFields, Topology } from '../model.ts';
import type { TopologyFile } from '../schema/topologyFile.ts';

/** Something a rule found; where it stands is a path in the file. */
export interface Finding {
  path: Path;
  /** Point at the key rather than at the value. */
  at?: 'key';
  message: string;
  fix: string;
  /** Default: the rule's. */
  severity?: 'error' | 'warning';
}

/** One thing that a topology must keep to. A pure function over the parsed file. */
export interface Rule {
  /** Kebab-case; stands in every problem. */
  code: string;
  severity: 'error' | 'warning';
  /** What the rule keeps from happening, for docs/topology.md: one sentence, no full stop. */
  why: string;
  check(view: RuleView): Iterable<Finding>;
}

/** What rules judge: the file as written, and what it comes to in one environment. */
export interface RuleView {
  file: TopologyFile;
  /** Undefined: without any environment's overrides. */
  environment: string | undefined;
  topology: Topology;
  /**
   * Whether nothing at this path, or at most `depth` steps below it (default: anywhere), was left out because its shape is
   * wrong. A rule that needs all of something must not blame the rest for what is not there.
   */
  isWhole(path: Path, depth?: number): boolean;
}

/** Where a stream's field is set for this view: the environment's override, else the stream's own entry. */
export const streamPath = ({ file, environment }: RuleView, stream: string, field: string): Path =>
  environment !== undefined && has(file.environments[environment]?.streams?.[stream], field)
    ? ['environments', environment, 'streams', stream, field]
    : ['streams', stream, field];

/** Where a consumer's field is set for this view: the environment's override, the mode's, else the consumer's own. */
export function consumerPath(
  { file, environment }: RuleView,
  mode: string,
  name: string,
  field: string,
): Path {
  if (environment !== undefined && has(file.environments[environment]?.consumers?.[name], field))
    return ['environments', environment, 'consumers', name, field];
  if (has(file.modes[mode]?.consumers?.[name], field)) return ['modes', mode, 'consumers', name, field];
  if (has(file.consumers?.[name], field)) return ['consumers', name, field];
  return ['modes', mode, 'consumers', name];
}

/** Makes findings about the fields of one stream. */
export const streamFinding =
  (view: RuleView, stream: string) =>
  (field: string, message: string, fix: string): Finding => ({
    path: streamPath(view, stream, field),
    message: `stream ${stream} ${message}`,
    fix,
  });

/** A durable where a mode puts it, with all its fields. */
export interface Placed {
  mode: Mode;
  name: string;
  stream: string;
  /** Its stream's fields and subjects in that mode; a stream that is not declared has neither. */
  streamFields: StreamFields;
  subjects: string[];
  fields: ConsumerFields;
}

/** Every durable in every mode that names a declared stream and consumer; what is undeclared has rules of its own. */
export function* placedConsumers({ topology }: RuleView): Generator<Placed> {
  for (const mode of Object.values(topology.modes))
    for (const [name, { stream, fields }] of Object.entries(mode.consumers)) {
      const streamFields = own(topology.streams, stream);
      const consumer = own(topology.consumers, name);
      if (streamFields && consumer)
        yield {
          mode,
          name,
          stream,
          streamFields,
          subjects: own(mode.subjects, stream) ?? [],
          fields: { ...consumer, ...fields },
        };
    }
}

/** An own property; names such as `constructor` must not find the prototype's. */
export const own = <T>(record: Record<string, T>, name: string): T | undefined =>
  Object.hasOwn(record, name) ? record[name] : undefined;

const has = (fields: object | undefined, field: string) =>
  fields !== undefined && Object.hasOwn(fields, field);

export { formatPath };
