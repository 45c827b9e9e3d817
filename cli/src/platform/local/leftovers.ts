import { setTimeout as pause } from 'node:timers/promises';
import { isAlive, type LocalState, type ProcessMark } from './state.ts';

const TERM_MS = 10_000;

/**
 * Ends what a supervisor that was killed left running: only processes of its state, and only where number and start time both
 * fit. On Linux they end with their supervisor, so this finds something elsewhere only. Returns how many it ended.
 */
export async function endLeftovers(state: LocalState): Promise<number> {
  const marks = [...state.pods.map((pod) => pod.process), state.nats?.process, state.postgres?.process];
  const ours = marks.filter((mark): mark is ProcessMark => mark?.started !== '' && isAlive(mark));
  for (const mark of ours) await endProcess(mark, TERM_MS);
  return ours.length;
}

/** SIGTERM, then SIGKILL after the bound; waits until the process is gone. */
export async function endProcess(mark: ProcessMark, boundMs: number): Promise<void> {
  for (const [signal, bound] of [
    ['SIGTERM', boundMs],
    ['SIGKILL', TERM_MS],
  ] as const) {
    const deadline = performance.now() + bound;
    signalTo(mark, signal);
    while (isAlive(mark) && performance.now() < deadline) await pause(20);
  }
}

/** Sends a signal to that very process, if it still runs. */
export function signalTo(mark: ProcessMark, signal: NodeJS.Signals): void {
  try {
    if (isAlive(mark)) process.kill(mark.pid, signal);
  } catch {
    // It went between the look and the signal.
  }
}
