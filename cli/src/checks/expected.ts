import { covers, type Topology } from '@aa-ops/topology';

/** What `POST /ingest/hrv` publishes to; fixed in the runtime. */
export const HRV_SUBJECT = 'athlete-ally.hrv.raw-received';

/** Where the pods that make rows of HRV events should be bound. */
export interface ExpectedBinding {
  durable: string;
  stream: string;
  /** Streams where any mode has the durable: what pods may name as candidates. */
  homes: string[];
}

/** The durable that hears HRV events in a mode; undefined where none does. */
export function expectedBinding(topology: Topology, mode: string): ExpectedBinding | undefined {
  const found = Object.entries(topology.modes[mode]!.consumers).find(([name, { stream, fields }]) => {
    const filters = fields.filter_subjects ?? topology.consumers[name]?.filter_subjects ?? [];
    return covers(filters.length > 0 ? filters : (topology.modes[mode]!.subjects[stream] ?? []), HRV_SUBJECT);
  });
  if (!found) return undefined;
  const [durable, { stream }] = found;
  const homes = Object.values(topology.modes).flatMap(({ consumers }) => consumers[durable]?.stream ?? []);
  return { durable, stream, homes: [...new Set(homes)] };
}

/** The stream that owns a subject in a mode. */
export const ownerOf = (topology: Topology, mode: string, subject: string): string | undefined =>
  Object.entries(topology.modes[mode]!.subjects).find(([, subjects]) => covers(subjects, subject))?.[0];
