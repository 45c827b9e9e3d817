import { setMaxListeners } from 'node:events';
import { interruption } from './failure.ts';
import { EXIT_CODES } from './exitCodes.ts';

/** The signals that end a command, of a terminal and of a supervisor. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * The first signal aborts (its reason is the OpsError `interrupted`); the second ends the process with 130 at once.
 * `onFirst` is told, so that a person knows what is being waited for.
 */
export function abortOnSignals(onFirst: (signal: NodeJS.Signals) => void): AbortSignal {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal); // as many as wait at once, which Node takes for a leak
  const handle = (signal: NodeJS.Signals): void => {
    if (controller.signal.aborted) process.exit(EXIT_CODES.interrupted);
    onFirst(signal);
    controller.abort(interruption(signal));
  };
  for (const signal of SIGNALS) process.on(signal, handle);
  return controller.signal;
}
