import { byHand, MIXED, type ModeReading, OpsError, readLive, readMode } from '@aa-ops/topology';
import type { ReadEnvironment } from './context.ts';

/** The mode that the account is in. OpsError `mode-mixed` where it is in none: no run tells how it came to that, and none can be turned round. */
export async function wholeMode({ account, topology }: ReadEnvironment): Promise<string> {
  const reading = readMode(topology, await readLive(account, topology));
  if (reading.live === MIXED) throw mixed(reading, reading.reference);
  return reading.live;
}

/** `mode`: the one to get out to; what has to be given back to which stream, by hand, is counted from it. */
export function mixed({ differences }: ModeReading, mode: string): OpsError {
  const steps = byHand(differences, mode);
  return new OpsError('mode-mixed', 'the live streams fit no mode, and no run is open that could be ended', {
    kind: 'refused',
    hint: [
      `somebody else changed what the streams hear; by hand, what is not ${mode}'s first:`,
      ...steps,
      'aa-ops plan shows how it stands; aa-ops history, what runs have done',
    ].join('\n'),
    details: { mode, differences, steps },
  });
}
