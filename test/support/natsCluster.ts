import { setTimeout as pause } from 'node:timers/promises';
import { messageOf, OpsError } from '@aa-ops/topology';
import { type NatsOptions, type NatsServer, startNatsNode } from '../../cli/src/servers/nats.ts';
import { askJetStream } from '../../cli/src/servers/natsProbe.ts';
import { freePorts } from '../../cli/src/servers/ports.ts';

export interface NatsCluster {
  servers: NatsServer[];
  urls: string[];
  stop(): Promise<void>;
}

const FORM_BOUND_MS = 60_000;
const READY_STREAM = '_aa-ops-ready';

/**
 * Starts `n` servers as one cluster and waits until it takes a stream with `n` replicas through every one of them (a meta
 * leader alone does not know its peers yet). With accounts in `config`: until every server is ready by its own word.
 */
export async function startNatsCluster(
  n: number,
  options: Omit<NatsOptions, 'dir' | 'port' | 'logFile' | 'serverName'> = {},
): Promise<NatsCluster> {
  const ports = await freePorts(2 * n);
  const clusterPorts = ports.slice(n);
  const routes = clusterPorts.map((port) => `nats://127.0.0.1:${port}`);
  const starting = await Promise.allSettled(
    clusterPorts.map((port, index) =>
      startNatsNode({ ...options, port: ports[index]! }, { name: 'aa-ops-test', port, routes }),
    ),
  );
  const servers = starting.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const stop = async (): Promise<void> => {
    await Promise.all(servers.map((server) => server.stop()));
  };
  try {
    for (const result of starting) if (result.status === 'rejected') throw result.reason;
    await untilFormed(servers);
  } catch (error) {
    await stop();
    throw error;
  }
  return { servers, urls: servers.map((server) => server.url), stop };
}

/** Waits until every server takes a stream with as many replicas as there are servers. Throws OpsError `server-start`. */
export async function untilFormed(servers: NatsServer[]): Promise<void> {
  const deadline = performance.now() + FORM_BOUND_MS;
  for (let last = ''; ;) {
    try {
      await takesStreams(servers);
      return;
    } catch (error) {
      last = messageOf(error);
    }
    if (performance.now() > deadline) {
      const logs = servers.map((server) => `--- ${server.url}\n${server.log()}`).join('\n');
      throw new OpsError(
        'server-start',
        `the cluster did not form within ${FORM_BOUND_MS} ms: ${last}\n${logs}`,
      );
    }
    await pause(50);
  }
}

async function takesStreams(servers: NatsServer[]): Promise<void> {
  const config = {
    name: READY_STREAM,
    subjects: [`${READY_STREAM}.>`],
    storage: 'memory',
    num_replicas: servers.length,
  };
  for (const { port } of servers) await askJetStream(port, 'INFO', undefined, 1_000);
  const info = await askJetStream(servers[0]!.port, `STREAM.CREATE.${READY_STREAM}`, config, 5_000);
  if (info.auth_required || info.tls_required) return;
  for (const { port } of servers) await askJetStream(port, `STREAM.INFO.${READY_STREAM}`, undefined, 5_000);
  await askJetStream(servers[0]!.port, `STREAM.DELETE.${READY_STREAM}`, undefined, 5_000);
}
