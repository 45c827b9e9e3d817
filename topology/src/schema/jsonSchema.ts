import { z } from 'zod';
import { topologyFile } from './topologyFile.ts';

/** The JSON Schema of the topology file, for editors: draft 7, which the YAML language server reads best. */
export function topologyJsonSchema(): Record<string, unknown> {
  const schema = z.toJSONSchema(topologyFile, { target: 'draft-7', io: 'input' });
  return {
    ...schema,
    title: 'aa-ops topology',
    description: 'Streams, consumers and modes of one JetStream account: docs/topology.md',
    // A place for YAML anchors.
    patternProperties: { '^x-': {} },
  };
}
