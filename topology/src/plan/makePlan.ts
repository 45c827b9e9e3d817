import type { JetStreamReader } from '../jetstream/account.ts';
import type { LiveAccount } from '../live/liveAccount.ts';
import { readLive } from '../live/readLive.ts';
import { readMode } from '../live/readMode.ts';
import { desiredIn, type Topology } from '../model.ts';
import { countDeletions } from './deletions.ts';
import { diff } from './diff.ts';
import type { Plan } from './plan.ts';

export interface MakePlanOptions {
  /** A migration is under way: its sources and placeholders are not drift. */
  runOpen?: boolean | Promise<boolean>;
  /** Read before; absent: read now. */
  live?: LiveAccount;
}

/** Reads the account and plans the way to the topology in the account's own mode. Writes nothing. */
export async function makePlan(
  reader: JetStreamReader,
  topology: Topology,
  options: MakePlanOptions = {},
): Promise<Plan> {
  const reading = options.live ?? readLive(reader, topology);
  // While the server answers: thousands of merged fields take as long as its first page.
  const desiredBy = new Map(Object.keys(topology.modes).map((name) => [name, desiredIn(topology, name)]));
  const live = await reading;
  const mode = readMode(topology, live);
  const desired = desiredBy.get(mode.reference) ?? desiredIn(topology, mode.reference);
  const deletions = await countDeletions(reader, desired, live);
  return diff({ topology, desired, live, mode, deletions, runOpen: (await options.runOpen) ?? false });
}
