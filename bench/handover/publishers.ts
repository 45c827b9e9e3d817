import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { ConnectSettings } from '@aa-ops/topology';
import type { judge, PublisherSpec } from '../../cli/src/traffic/index.ts';
import type { Stored } from '../../test/support/crash/watchedTraffic.ts';

/** What the other process is started with. */
export interface Order {
  settings: ConnectSettings;
  publishers: readonly PublisherSpec[];
}
export interface Judged {
  verdict: Awaited<ReturnType<typeof judge>>;
  /** When those were sent that got no answer, ms since 1970. */
  unanswered: number[];
}
export type Question = { what: 'stored' } | ({ what: 'stop' } & Parameters<typeof judge>[2]);
export type Answer = Stored[] | Judged;

export interface Publishers {
  /** What was stored since the last call; instants in ms since 1970. */
  stored(): Promise<Stored[]>;
  /** Stops them and judges what the streams hold. The process ends. */
  stop(of: Parameters<typeof judge>[2]): Promise<Judged>;
}

/** Starts publishers in a process of their own, which ends with this one. */
export async function startPublishers(
  settings: ConnectSettings,
  publishers: readonly PublisherSpec[],
): Promise<Publishers> {
  const order: Order = { settings, publishers };
  const path = fileURLToPath(new URL('./publishersProcess.ts', import.meta.url));
  const child = fork(path, [JSON.stringify(order)]);
  const answer = async (): Promise<unknown> => {
    const over = new AbortController();
    const { signal } = over;
    try {
      const [first] = (await Promise.race([
        once(child, 'message', { signal }),
        once(child, 'exit', { signal }).then(([code]) =>
          Promise.reject(new Error(`the publishers ended with ${code}`)),
        ),
      ])) as unknown[];
      return first;
    } finally {
      over.abort();
    }
  };
  const ask = async (question: Question): Promise<unknown> => {
    const answered = answer();
    child.send(question);
    return answered;
  };
  await answer(); // ready
  return {
    stored: async () => (await ask({ what: 'stored' })) as Stored[],
    async stop(of) {
      const judged = (await ask({ what: 'stop', ...of })) as Judged;
      child.disconnect();
      return judged;
    },
  };
}
