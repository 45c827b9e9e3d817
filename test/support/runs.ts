import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  applyPlan,
  type ConnectSettings,
  type Host,
  type JetStreamWriter,
  makePlan,
  type Notice,
  openWriter,
  silentHost,
  type StreamConfig,
  type Topology,
} from '@aa-ops/topology';
import { nonePlatform } from '../../cli/src/platform/platform.ts';
import { DEFAULT_TIMEOUTS, type RunEnvironment } from '../../cli/src/runbook/context.ts';
import type { RunOptions } from '../../cli/src/saga/runDocument.ts';
import { type NatsOptions, type NatsServer, startNats } from './servers.ts';

export const OPTIONS: RunOptions = {
  leaveReaders: false,
  orphanSubjects: false,
  copy: 'unacked',
  autoRollback: false,
};

export interface TestRun {
  server: NatsServer;
  settings: ConnectSettings;
  account: JetStreamWriter;
  environment: RunEnvironment;
  /** Everything that the engine said. */
  notices: Notice[];
  /** Updates fields of a stream by hand, as somebody else would. */
  change(stream: string, fields: Partial<StreamConfig>): Promise<void>;
  stop(): Promise<void>;
}

/** A server of its own with a topology applied in its initial mode, and all that `migrate` and `rollBack` need. */
export async function startRun(
  topology: Topology,
  nats: NatsOptions & { settings?: Partial<ConnectSettings> } = {},
): Promise<TestRun> {
  const server = await startNats(nats);
  const runsDir = mkdtempSync(join(tmpdir(), 'aa-runs-'));
  const settings: ConnectSettings = { servers: [server.url], ...nats.settings };
  const account = await openWriter(settings);
  await applyTopology(account, topology);
  const notices: Notice[] = [];
  const host: Host = { notify: (notice) => void notices.push(notice) };
  return {
    server,
    settings,
    account,
    notices,
    environment: {
      topology,
      settings,
      account,
      platform: nonePlatform,
      host,
      signal: new AbortController().signal,
      runsDir,
      timeouts: DEFAULT_TIMEOUTS,
    },
    async change(stream, fields) {
      const { config } = (await account.stream(stream))!;
      await account.updateStream({ ...config, ...fields });
    },
    async stop() {
      await account.close();
      await server.stop();
      rmSync(runsDir, { recursive: true, force: true });
    },
  };
}

/** Options of `startRun` for a server whose only account has limits, as in nats-server's `jetstream: { … }`. */
export const limited = (limits: string) => ({
  config: `accounts { A { jetstream: { ${limits} }, users: [{ user: a, password: a }] } }`,
  settings: { user: 'a', password: 'a' },
});

export async function applyTopology(account: JetStreamWriter, topology: Topology): Promise<void> {
  const plan = await makePlan(account, topology);
  await applyPlan(account, plan, { host: silentHost, allowDestructive: false });
}
