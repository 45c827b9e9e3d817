import { readFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { JetStreamWriter } from '@aa-ops/topology';
import { freePorts } from '../../../cli/src/servers/index.ts';
import { startNatsNode } from '../../../cli/src/servers/nats.ts';
import { untilFormed } from '../natsCluster.ts';
import type { NatsServer } from '../servers.ts';

/** Three servers whose routes run through us, so that one can be cut off from the others while its clients still reach it. */
export interface FaultCluster {
  /** The server `i` has the tag `node-<i>`, by which a stream can be placed. */
  servers: NatsServer[];
  urls: string[];
  leaderOf(account: JetStreamWriter, stream: string): Promise<NatsServer>;
  metaLeader(): NatsServer;
  /** Cuts every route of one server, or lets them through again. */
  cut(server: NatsServer, isCut: boolean): void;
  /** Everything between two servers arrives so many ms later from now on. */
  delay(one: NatsServer, other: NatsServer, ms: number): void;
  stop(): Promise<void>;
}

const NODES = 3;
/** The port of the discard protocol, where nobody listens: refused at once. */
const NOBODY = '127.0.0.1:9';

export async function startFaultCluster(): Promise<FaultCluster> {
  const ports = await freePorts(2 * NODES);
  const routePorts = ports.slice(NODES);
  const links: Link[] = [];
  for (let from = 0; from < NODES; from++) {
    for (let to = 0; to < NODES; to++) {
      if (from !== to) links.push(await openLink(from, to, routePorts[to]!));
    }
  }
  const servers = await Promise.all(
    routePorts.map((port, node) =>
      startNatsNode(
        { port: ports[node]!, config: `server_tags: ["node-${node}"]` },
        {
          name: 'aa-ops-faults',
          port,
          routes: links.filter(({ from }) => from === node).map((link) => `nats://127.0.0.1:${link.port}`),
          // Servers tell each other of the third, and would connect to it past us.
          advertise: NOBODY,
        },
      ),
    ),
  );
  await untilFormed(servers);
  const named = (name: string): NatsServer => servers.find(({ port }) => `n${port}` === name)!;
  return {
    servers,
    urls: servers.map(({ url }) => url),
    async leaderOf(account, stream) {
      return named((await account.stream(stream))!.cluster!.leader!);
    },
    metaLeader: () => named(lastMetaLeader(servers)),
    cut(server, isCut) {
      const node = servers.indexOf(server);
      for (const link of links) if (link.from === node || link.to === node) link.cut(isCut);
    },
    delay(one, other, ms) {
      const pair = [servers.indexOf(one), servers.indexOf(other)];
      for (const link of links) if (pair.includes(link.from) && pair.includes(link.to)) link.delay(ms);
    },
    async stop() {
      await Promise.all(servers.map((server) => server.stop()));
      for (const link of links) link.close();
    },
  };
}

/** What the servers' logs last said of it: `JetStream cluster new metadata leader: n4222/aa-ops-faults`. */
function lastMetaLeader(servers: NatsServer[]): string {
  const said = servers.flatMap((server) => {
    const log = readFileSync(join(server.dir, 'nats-server.log'), 'utf8');
    const own = new RegExp(`(\\d{4}/\\S+ \\S+) \\[INF\\] Self is new JetStream cluster metadata leader`, 'g');
    return [
      ...[...log.matchAll(/(\d{4}\/\S+ \S+) \[INF\] JetStream cluster new metadata leader: (\w+)/g)].map(
        ([, at, name]) => ({ at: at!, name: name! }),
      ),
      ...[...log.matchAll(own)].map(([, at]) => ({ at: at!, name: `n${server.port}` })),
    ];
  });
  return said.toSorted((a, b) => a.at.localeCompare(b.at)).at(-1)!.name;
}

interface Link {
  from: number;
  to: number;
  port: number;
  cut(isCut: boolean): void;
  delay(ms: number): void;
  close(): void;
}

/** Carries one server's connections to another one's route port, in order and perhaps late, unless it is cut. */
async function openLink(from: number, to: number, target: number): Promise<Link> {
  const open = new Set<Socket>();
  let isCut = false;
  let lateMs = 0;
  const server: Server = createServer((near) => {
    if (isCut) return void near.destroy();
    const far = connect(target, '127.0.0.1');
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(one);
      let carried = Promise.resolve<unknown>(undefined);
      one.on('data', (chunk) => {
        const due = lateMs > 0 ? pause(lateMs) : undefined;
        carried = carried.then(() => due).then(() => other.write(chunk));
      });
      one.on('error', () => {});
      one.on('close', () => {
        open.delete(one);
        other.destroy();
      });
    }
  });
  const closeAll = (): void => {
    for (const socket of open) socket.destroy();
  };
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    from,
    to,
    port: (server.address() as { port: number }).port,
    cut(next) {
      isCut = next;
      if (isCut) closeAll();
    },
    delay(ms) {
      lateMs = ms;
    },
    close() {
      server.close();
      closeAll();
    },
  };
}
