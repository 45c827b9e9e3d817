import type { StreamConfig } from '../jetstream/wire.ts';
import type { DesiredStream } from '../model.ts';

/** The config that a stream of the topology is made with. A mirror has no subjects of its own. */
export function createConfig({ name, subjects, fields }: DesiredStream): StreamConfig {
  return fields.mirror ? { ...fields, name } : { ...fields, name, subjects: [...subjects] };
}
