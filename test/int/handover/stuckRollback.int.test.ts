import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  loadTopology,
  openWriter,
  realSubjects,
  silentHost,
  type JetStreamWriter,
  type Topology,
} from '@aa-ops/topology';
import { type LocalPlatformHandle, startLocalPlatform } from '../../../cli/src/platform/local/index.ts';
import { DEFAULT_TIMEOUTS, type RunEnvironment } from '../../../cli/src/runbook/context.ts';
import { migrate } from '../../../cli/src/runbook/migrate.ts';
import { rollBack } from '../../../cli/src/runbook/rollBack.ts';
import { applyTopology, OPTIONS } from '../../support/runs.ts';

const FILE = fileURLToPath(new URL('../../../topology', import.meta.url));
const dir = mkdtempSync(join(tmpdir(), 'aa-stuck-'));
let topology: Topology;
let platform: LocalPlatformHandle;
let account: JetStreamWriter;
let environment: RunEnvironment;

beforeAll(async () => {
  topology = await loadTopology(FILE, 'local');
  platform = await startLocalPlatform({
    dir: join(dir, 'dev'),
    workloads: topology.workloads,
    ports: { nats: 'any', postgres: 'any', frontDoor: 'any' },
    async onReady({ natsUrl }) {
      const writer = await openWriter({ servers: [natsUrl] });
      await applyTopology(writer, topology);
      await writer.close();
    },
  });
  const settings = { servers: [platform.natsUrl] };
  account = await openWriter(settings);
  environment = {
    topology,
    settings,
    account,
    platform: platform.platform,
    host: silentHost,
    signal: new AbortController().signal,
    runsDir: join(dir, 'runs'),
    timeouts: { ...DEFAULT_TIMEOUTS, rolloutMs: 20_000, wayBackRolloutMs: 3_000, checksMs: 3_000 },
  };
});
afterAll(async () => {
  await account?.close();
  await platform?.stop();
  rmSync(dir, { recursive: true, force: true });
});

describe('pods that do not get ready', () => {
  it('stop a way forward before the release, and it is taken back', { timeout: 120_000 }, async () => {
    const broken = { ...environment, timeouts: { ...environment.timeouts, rolloutMs: 3_000 } };
    await platform.platform.writeConfig({ NORMALIZE_HRV_MAX_DELIVER: 'many' });
    const outcome = await migrate(broken, { to: 'multi', options: OPTIONS });
    expect(outcome).toMatchObject({
      exitCode: 1,
      json: { result: 'rolled-back', error: { code: 'rollout-stuck' } },
    });
    expect((await platform.platform.readMode()).mode).toBe('single');
    expect(realSubjects((await account.stream('ATHLETE_ALLY_EVENTS'))!.config.subjects)).toHaveLength(3);
    await platform.platform.writeConfig({ NORMALIZE_HRV_MAX_DELIVER: '5' });
    const [normalize] = topology.workloads;
    await platform.platform.restart(normalize!, 'mended', { timeoutMs: 20_000, onProgress: () => {} });
    expect(await migrate(environment, { to: 'multi', options: OPTIONS })).toMatchObject({ exitCode: 0 });
  });

  it(
    'do not keep a rollback waiting: it goes on, hands the subjects back, and exits 5',
    { timeout: 120_000 },
    async () => {
      await platform.platform.writeConfig({ NORMALIZE_HRV_MAX_DELIVER: 'many' });
      const outcome = await rollBack(environment);
      expect(outcome, JSON.stringify(outcome.json.steps)).toMatchObject({
        exitCode: 5,
        json: { result: 'done', to: 'single' },
      });
      expect(outcome.json.shortcomings.join('\n')).toMatch(/normalize-service does not get ready/);
      expect(realSubjects((await account.stream('ATHLETE_ALLY_EVENTS'))!.config.subjects)).toHaveLength(3);
      expect(realSubjects((await account.stream('AA_CORE_HOT'))!.config.subjects)).toEqual([]);
    },
  );
});
