import { type Host, type JetStreamReader, messageOf, OpsError, type Topology } from '@aa-ops/topology';
import type { RunDocument } from '../saga/runDocument.ts';
import { StateReader } from '../saga/stateStore.ts';

/** The migration or rollback that has begun in this account and not ended, if there is one. */
export const findOpenRun = (reader: JetStreamReader, topology: Topology): Promise<RunDocument | undefined> =>
  new StateReader(reader, topology.name).openRun();

/** The same for commands that only look: where the right to read the state is missing, they warn and go on. */
export async function lookForOpenRun(
  reader: JetStreamReader,
  topology: Topology,
  host: Host,
): Promise<RunDocument | undefined> {
  try {
    return await findOpenRun(reader, topology);
  } catch (error) {
    if (!(error instanceof OpsError) || error.code !== 'right-missing') throw error;
    host.notify({
      level: 'warn',
      code: 'state-unreadable',
      message: `whether a migration is open is not known: ${messageOf(error)}`,
    });
    return undefined;
  }
}

/** Throws OpsError `run-open` (locked): what a migration needs for itself must not be changed under it. */
export function refuseWhileOpen(run: RunDocument | undefined): void {
  if (!run) return;
  throw new OpsError(
    'run-open',
    `${run.command} ${run.from} -> ${run.to} (${run.id}), begun by ${run.operator} at ${run.startedAt}, has not ended`,
    {
      kind: 'locked',
      hint: 'aa-ops migrate --resume finishes it, aa-ops rollback turns it round',
      details: { run: run.id, operator: run.operator, since: run.startedAt },
    },
  );
}
