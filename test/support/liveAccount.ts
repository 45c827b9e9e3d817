import { type JetStreamWriter, loadTopology, openWriter, type Topology } from '@aa-ops/topology';
import { startTraffic, type Traffic, WorkRecord } from '../../cli/src/traffic/index.ts';
import { type CarelessWorker, startCarelessWorker } from './carelessWorker.ts';
import { aaOps, type CliResult } from './cli.ts';
import { type Counted, killBehind } from './crash/killBehind.ts';
import { applyTopology } from './runs.ts';
import { type NatsServer, startNats, startNatsCluster } from './servers.ts';

/** The built command on a topology file; killed (SIGKILL) right behind its n-th journal entry, or change, where one is given. */
export type OnFile = (file: string, args: string[], n?: number, what?: Counted) => Promise<CliResult>;

/** `cwd`: where its reports and backups go. */
export const commandOn =
  (url: string, cwd: string): OnFile =>
  (file, args, n, what = 'entry') =>
    aaOps([...args, '--topology', file, '--env', 'test', '--server', url, '--yes', '--output', 'json'], {
      cwd,
      env: n === undefined ? {} : killBehind(what, n),
    });

/** A server with a topology applied, publishers that wait and that do not, with ids and without, and a careless worker. */
export interface LiveAccount {
  /** The one that everything goes through. */
  server: NatsServer;
  account: JetStreamWriter;
  topology: Topology;
  traffic: Traffic;
  /** What `worker` has worked. */
  record: WorkRecord;
  worker: CarelessWorker;
  run: OnFile;
  stop(): Promise<void>;
}

export interface LiveAccountOptions {
  file: string;
  /** What is published. */
  subjects: string[];
  /** Worked in the mode `single`, until the worker is told to follow. */
  durable: string;
  cwd: string;
  /** Of how many servers, each with everything: 1 by default. */
  servers?: 1 | 3 | undefined;
  /** Publishes a second, all publishers together: 400 by default. */
  ratePerSecond?: number;
}

export async function startLiveAccount(options: LiveAccountOptions): Promise<LiveAccount> {
  const { file, subjects, durable, cwd, servers = 1, ratePerSecond = 400 } = options;
  const cluster = servers === 1 ? undefined : await startNatsCluster(servers);
  const server = cluster?.servers[0] ?? (await startNats());
  const settings = { servers: [server.url] };
  const account = await openWriter(settings);
  const topology = await loadTopology(file, 'test');
  await applyTopology(account, topology);
  const [most, some] = [
    { subjects, ratePerSecond: (ratePerSecond * 3) / 8 },
    { subjects, ratePerSecond: ratePerSecond / 8 },
  ];
  const traffic = await startTraffic(settings, [
    { ...most, name: 'ids', kind: 'pipelined', inFlight: 8, msgId: true },
    { ...most, name: 'bare', kind: 'pipelined', inFlight: 8, msgId: false },
    { ...some, name: 'waiting', kind: 'waiting', msgId: true },
    { ...some, name: 'waiting-bare', kind: 'waiting', msgId: false },
  ]);
  const record = new WorkRecord(traffic.ledger);
  const worker = await startCarelessWorker(settings, topology, durable, 'single', record);
  return {
    server,
    account,
    topology,
    traffic,
    record,
    worker,
    run: commandOn(server.url, cwd),
    async stop() {
      await traffic.stop();
      await account.close();
      await (cluster ?? server).stop();
    },
  };
}
