import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer, connect, type Server } from 'node:net';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** The node as its pods see it: the bridge's address. The API server, and whatever is exposed to pods, listens there. */
export const HOST_IP = '10.244.0.1';
const BRIDGE = 'cni0';

/**
 * A bridge for pods in the network namespace that we run in, which must be one of our own: nothing in it leads off the machine.
 * `scripts/in-namespace.mjs` enters one. Throws where this is the machine's own namespace.
 */
export async function layNetwork(): Promise<void> {
  if (hasOtherRoutes()) {
    throw new Error(
      'a cluster needs a network namespace of its own: start it with npm run test:cluster or npm run cluster',
    );
  }
  await ip('link', 'set', 'lo', 'up');
  await ip('link', 'del', BRIDGE).catch(() => {}); // of the cluster before, in the same namespace: one test file follows another
  await ip('link', 'add', BRIDGE, 'type', 'bridge');
  await ip('addr', 'add', `${HOST_IP}/16`, 'dev', BRIDGE);
  await ip('link', 'set', BRIDGE, 'up');
  // Cluster IPs are this machine's own: whoever connects to one reaches our service proxy.
  await ip('route', 'replace', 'local', '10.96.0.0/16', 'dev', 'lo');
}

// A route that is not ours means that packets could leave: refuse to make a cluster there.
function hasOtherRoutes(): boolean {
  const [, ...routes] = readFileSync('/proc/net/route', 'utf8').trim().split('\n');
  return routes.some((line) => !line.startsWith(`${BRIDGE}\t`));
}

/** Gives the namespace of process `pid` an interface with `address`, and the node as its way to everything else. */
export async function plugIn(pid: number, index: number, address: string): Promise<void> {
  const veth = `pod${index}`;
  await ip('link', 'add', veth, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', String(pid));
  await ip('link', 'set', veth, 'master', BRIDGE, 'up');
  const inside = `ip link set lo up && ip addr add ${address}/16 dev eth0 && ip link set eth0 up && ip route add default via ${HOST_IP}`;
  await execute('nsenter', ['-t', String(pid), '-n', '--', 'sh', '-c', inside]);
}

const ip = (...args: string[]) => execute('ip', args);

/** A TCP forwarder from `host:port` to wherever `target` says at the time of each connection; undefined: refused. */
export function forward(
  host: string,
  port: number,
  target: () => { host: string; port: number } | undefined,
): Promise<Server> {
  const server = createServer((incoming) => {
    const to = target();
    if (!to) return incoming.destroy();
    const outgoing = connect(to);
    incoming.pipe(outgoing).pipe(incoming);
    for (const [one, other] of [
      [incoming, outgoing],
      [outgoing, incoming],
    ] as const) {
      one.on('error', () => other.destroy());
      one.on('close', () => other.destroy());
    }
  });
  return new Promise((listening, failed) => {
    server.once('error', failed);
    server.listen(port, host, () => listening(server));
  });
}
