import { topologyJsonSchema } from '@aa-ops/topology';
import { format } from 'prettier';
import type { GeneratedFile } from './index.ts';

/** The JSON Schema that editors pick up through the first line of the YAML files. */
export const topologySchema: GeneratedFile = {
  path: 'topology/topology.schema.json',
  make: () => format(JSON.stringify(topologyJsonSchema()), { parser: 'json', printWidth: 110 }),
};
