import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type ConsumerInfo,
  inFlight,
  type JetStreamReader,
  readLive,
  readMode,
  type StreamInfo,
  type Topology,
} from '@aa-ops/topology';
import type { Platform } from '../platform/platform.ts';
import { hideSecrets } from './hideSecrets.ts';

export interface BackupContext {
  account: JetStreamReader;
  topology: Topology;
  platform: Platform;
}

export interface Backup {
  /** The backup's own folder. */
  dir: string;
  /** Relative to it. */
  files: string[];
}

const READS_IN_FLIGHT = 16;
const OWNER_ONLY = { folder: 0o700, file: 0o600 };

/**
 * Writes configuration and state of every stream and consumer of the account, and the ConfigMap, into a new dated folder
 * below `dir`: `index.json`, `streams/<stream>.json` with its consumers, `configmap.json`. The folder appears whole or not
 * at all; only its owner may read it. Messages are not part of it, credentials in values are hidden.
 */
export async function writeBackup(context: BackupContext, dir: string): Promise<Backup> {
  const { account, platform } = context;
  const at = new Date();
  const [live, infos, configMap] = await Promise.all([
    readLive(account, context.topology),
    account.listStreams(),
    platform.kind === 'none' ? undefined : platform.readMode(),
  ]);
  const streams = await inFlight(READS_IN_FLIGHT, infos, async (info) => ({
    info,
    consumers: info.state.consumer_count === 0 ? [] : await account.listConsumers(info.config.name),
  }));
  const index = {
    schemaVersion: 1,
    at: at.toISOString(),
    topology: context.topology.name,
    environment: context.topology.environment.name,
    server: account.server,
    mode: readMode(context.topology, live).live,
    streams: streams.map(summarize),
  };
  const documents: [file: string, content: unknown][] = [
    ...streams.map((one): [string, unknown] => [
      `streams/${one.info.config.name}.json`,
      { schemaVersion: 1, stream: one.info, consumers: one.consumers },
    ]),
    ...(configMap ? [['configmap.json', hideSecrets(configMap.data)] as [string, unknown]] : []),
    ['index.json', index],
  ];
  const target = join(dir, `backup-${at.toISOString().replace(/[-:]|\.\d+/g, '')}`);
  return { dir: await writeFolder(target, documents), files: documents.map(([file]) => file) };
}

const summarize = ({ info, consumers }: { info: StreamInfo; consumers: ConsumerInfo[] }) => ({
  name: info.config.name,
  subjects: info.config.subjects ?? [],
  messages: info.state.messages,
  firstSequence: info.state.first_seq,
  lastSequence: info.state.last_seq,
  consumers: consumers.map(({ name, ack_floor, num_pending, num_ack_pending }) => ({
    name,
    ackFloor: ack_floor.stream_seq,
    pending: num_pending,
    ackPending: num_ack_pending,
  })),
});

/** Whoever finds the folder finds all of it: it is written beside its place and moved there. */
async function writeFolder(target: string, documents: [file: string, content: unknown][]): Promise<string> {
  const made = `${target}.${process.pid}.tmp`;
  try {
    await mkdir(join(made, 'streams'), { recursive: true, mode: OWNER_ONLY.folder });
    for (const [file, content] of documents) {
      await writeFile(join(made, file), `${JSON.stringify(content, undefined, 2)}\n`, {
        mode: OWNER_ONLY.file,
      });
    }
    return await moveTo(made, target);
  } catch (error) {
    await rm(made, { recursive: true, force: true });
    throw error;
  }
}

/** Two backups within one second get folders of their own. */
async function moveTo(made: string, target: string): Promise<string> {
  for (let n = 1; ; n++) {
    const place = n === 1 ? target : `${target}-${n}`;
    const taken = await readdir(place).then(
      () => true,
      () => false,
    );
    if (taken) continue;
    await rename(made, place);
    return place;
  }
}
