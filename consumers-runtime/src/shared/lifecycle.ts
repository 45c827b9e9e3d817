import { setTimeout as sleep } from 'node:timers/promises';
import { ConfigError } from './configError.ts';
import { choice } from './env.ts';
import { createLog, type Log, messageOf } from './log.ts';

/** What a service's `start` hands back. */
export interface Service {
  /** Finishes what is in flight and closes in order. */
  stop(): Promise<void>;
}

/** Exit code of a setting that cannot be used, as of a command line that cannot be (BSD's EX_USAGE). */
const EXIT_USAGE = 64;

/**
 * Runs one service until SIGTERM or SIGINT. The first signal aborts `signal` and calls `stop`, which has a bound; the
 * second ends the process at once (exit 1). Exits 0 after an orderly stop, 64 on a ConfigError.
 */
export async function runService(
  name: string,
  start: (log: Log, signal: AbortSignal) => Promise<Service>,
  stopTimeoutMs: () => number,
): Promise<void> {
  let log = createLog(name, 'plain');
  const stopping = new AbortController();
  const signalled = new Promise<string>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, () => {
        if (stopping.signal.aborted) {
          log.warn(`[${name}] ${signal} again: ending now`);
          process.exit(1);
        }
        stopping.abort();
        resolve(signal);
      });
    }
  });
  try {
    log = createLog(name, choice(process.env, 'LOG_FORMAT', ['plain', 'json'], 'plain'));
    const service = await start(log, stopping.signal);
    const signal = await signalled;
    log.info(`[${name}] ${signal}: finishing what is in flight`);
    // A grace beyond the service's own bound, for what it does after it: closing connections that do not answer.
    const bound = sleep(stopTimeoutMs() + 3_000, 'late' as const, { ref: false });
    if ((await Promise.race([service.stop(), bound])) === 'late') {
      log.error(`[${name}] did not stop in time`);
      process.exit(1);
    }
    log.info(`[${name}] stopped`);
    process.exit(0);
  } catch (error) {
    if (error instanceof ConfigError) {
      log.error(`[${name}] ${error.message}`);
      process.exit(EXIT_USAGE);
    }
    log.error(`[${name}] ${error instanceof Error ? (error.stack ?? error.message) : messageOf(error)}`);
    process.exit(1);
  }
}
