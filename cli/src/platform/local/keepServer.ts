import { setTimeout as pause } from 'node:timers/promises';
import { messageOf } from '@aa-ops/topology';
import type { RunningServer } from '../../servers/index.ts';

export interface KeptServer {
  readonly restarts: number;
  /** Stops it for good. */
  end(): Promise<void>;
}

const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 5_000;

/** Starts a server again, with back-off, whenever it ends by itself, as Kubernetes would. `changed` is told about each end and start. */
export function keepServer(
  name: string,
  server: RunningServer & { restart(): Promise<void> },
  changed: (line: string) => void,
): KeptServer {
  const stopping = new AbortController();
  let restarts = 0;

  async function keep(): Promise<void> {
    while (!stopping.signal.aborted) {
      await Promise.race([server.exited, aborted(stopping.signal)]);
      if (stopping.signal.aborted) return;
      changed(`${name} has ended; starting it again`);
      for (let wait = FIRST_PAUSE_MS; !stopping.signal.aborted; wait = Math.min(2 * wait, LONGEST_PAUSE_MS)) {
        await pause(wait, undefined, { signal: stopping.signal }).catch(() => {});
        if (stopping.signal.aborted) return;
        try {
          await server.restart();
          restarts += 1;
          changed(`${name} runs again`);
          break;
        } catch (error) {
          changed(`${name} does not start: ${messageOf(error)}`);
        }
      }
    }
  }

  const over = keep();
  return {
    get restarts() {
      return restarts;
    },
    async end() {
      stopping.abort();
      await over;
      await server.stop();
    },
  };
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((done) => signal.addEventListener('abort', () => done(), { once: true }));
