import { consumerFields, type FieldSpec, type FieldTable, rules, streamFields } from '@aa-ops/topology';
import { replaceBlocks, table } from './blocks.ts';
import type { GeneratedFile } from './index.ts';

const holds = (spec: FieldSpec): string => {
  switch (spec.kind) {
    case 'choice':
      return spec.of.map((word) => `\`${word}\``).join(', ');
    case 'count':
      return `a number from ${spec.min}`;
    case 'limit':
      return 'a number or `unlimited`';
    case 'age':
      return 'a duration or `unlimited`';
    case 'size':
      return 'a size or `unlimited`';
    case 'object':
    case 'objects':
      return `${spec.kind === 'object' ? '' : 'a list of '}\`{ ${Object.keys(spec.fields).join(', ')} }\``;
    case 'flag':
      return '`true`, `false`';
    case 'strings':
      return 'a list of texts';
    case 'durations':
      return 'a list of durations';
    case 'metadata':
      return 'names to texts';
    case 'time':
      return 'an instant, RFC 3339';
    case 'text':
    case 'duration':
      return `a ${spec.kind}`;
  }
};

const fieldTable = (fields: FieldTable): string =>
  table(
    ['field', 'holds', 'what it is'],
    Object.entries(fields).map(([name, spec]) => [`\`${name}\``, holds(spec), spec.doc]),
  );

/** The tables of docs/topology.md: fields and rules. */
export const topologyDocs: GeneratedFile = {
  path: 'docs/topology.md',
  make: (before) =>
    Promise.resolve(
      replaceBlocks(before, {
        'stream fields': fieldTable(streamFields),
        'consumer fields': fieldTable(consumerFields),
        rules: table(
          ['rule', '', 'why'],
          rules.map(({ code, severity, why }) => [`\`${code}\``, severity, why]),
        ),
      }),
    ),
};
