import type { RunDocument } from '../saga/runDocument.ts';
import { isReleased } from './runSteps.ts';

const GOES_ON: Readonly<Record<RunDocument['command'], string>> = {
  migrate: 'aa-ops migrate --resume goes on, aa-ops rollback turns it round',
  rollback: 'aa-ops rollback goes on',
  replace: 'aa-ops migrate --resume goes on',
  apply: 'aa-ops apply goes on',
};

/** What to type where that run is open. One that moves subjects inside a mode has no way back behind its first release. */
export function goesOn(run: Pick<RunDocument, 'command' | 'from' | 'to' | 'groups'>): string {
  const isOneWay = run.command === 'migrate' && run.from === run.to && isReleased({ run });
  return isOneWay ? 'aa-ops migrate --resume goes on' : GOES_ON[run.command];
}
