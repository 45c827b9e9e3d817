import { setTimeout as delay } from 'node:timers/promises';
import type { NatsServer } from '../servers.ts';
import type { FaultCluster } from './faultCluster.ts';
import type { Fault } from './underFault.ts';

/** kill -9, and back over the same store. */
export const restart = (server: NatsServer, lastsMs = 300): Fault => ({
  name: `kill -9 and restart after ${lastsMs} ms`,
  lastsMs,
  begin: () => server.kill(),
  heal: () => server.restart(),
});

/** The process stands still with all its connections open: a machine that swaps, a VM that migrates. */
export const pause = (server: NatsServer, lastsMs: number): Fault => ({
  name: `SIGSTOP for ${lastsMs} ms`,
  lastsMs,
  begin: async () => void process.kill(server.pid, 'SIGSTOP'),
  heal: async () => void process.kill(server.pid, 'SIGCONT'),
});

/**
 * Stands still for 90 of each 100 ms. What a slow disk does to a server: everything takes ten times as long, nothing
 * breaks off. (A really slow device takes root and a kernel that lets us make one.)
 */
export function slow(server: NatsServer, lastsMs: number): Fault {
  let healed = false;
  let pulsing: Promise<void> | undefined;
  return {
    name: `ten times slower for ${lastsMs} ms`,
    lastsMs,
    async begin() {
      healed = false;
      pulsing = (async () => {
        while (!healed) {
          process.kill(server.pid, 'SIGSTOP');
          await delay(90);
          process.kill(server.pid, 'SIGCONT');
          await delay(10);
        }
      })();
    },
    async heal() {
      healed = true;
      await pulsing;
    },
  };
}

/** A server of a cluster that is cut off from the others, while its clients still reach it. */
export const partition = (cluster: FaultCluster, server: NatsServer, lastsMs: number): Fault => ({
  name: `cut off from the others for ${lastsMs} ms`,
  lastsMs,
  begin: async () => cluster.cut(server, true),
  heal: async () => cluster.cut(server, false),
});
