import { createBackoff } from '../shared/backoff.ts';
import { type Log, messageOf } from '../shared/log.ts';

/** Open while the database takes writes. Closed, nothing is pulled and nothing is handed to a connection. */
export interface Gate {
  readonly isOpen: () => boolean;
  /** Closes it and looks every half second at most until the database is back, so that a return is noticed within one. */
  close(error: unknown): void;
}

export interface GateOptions {
  /** Rejects while the table cannot be written to. */
  probe(): Promise<void>;
  onOpen(): void;
  log: Log;
  signal: AbortSignal;
}

/** Starts open. */
export function createGate({ probe, onOpen, log, signal }: GateOptions): Gate {
  let open = true;

  async function reopen(): Promise<void> {
    const backoff = createBackoff(100, 500);
    while (!signal.aborted) {
      await backoff.pause(signal);
      try {
        await probe();
      } catch {
        continue;
      }
      open = true;
      log.info('[normalize] Database is back. Pulling again.');
      onOpen();
      return;
    }
  }

  return {
    isOpen: () => open,
    close(error) {
      if (!open) return;
      open = false;
      log.error(`[normalize] Database cannot be written to: ${messageOf(error)}. Pulling stopped.`);
      void reopen();
    },
  };
}
