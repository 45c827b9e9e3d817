import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RunJson } from '../../cli/src/runbook/runDocumentJson.ts';
import type { CliResult } from '../support/cli.ts';
import type { Identity } from '../support/cluster/identities.ts';
import { type ServiceTraffic, startServiceTraffic } from '../support/cluster/serviceTraffic.ts';
import { type Staging, startStaging } from '../support/cluster/staging.ts';

// The CLI dies by SIGKILL in the middle of each step that speaks to Kubernetes; somebody else goes on, with other credentials.
let staging: Staging;
let traffic: ServiceTraffic;
beforeAll(async () => {
  staging = await startStaging();
  traffic = await startServiceTraffic(staging, 100);
});
afterAll(async () => {
  await staging?.stop();
});

const BACKUP = /^Back up configuration/;
const CONFIG = /^Write the mode into the ConfigMap$/;
const CHECKS = /^Check bindings, health/;
/** Lines of progress at which it dies: a restart just asked for. A rollout goes on without us: whoever resumes finds it done. */
const ASKED = [
  BACKUP,
  CONFIG,
  /^normalize-service: restart .* begun/,
  /^ingest-service: restart .* begun/,
  CHECKS,
];
/** A rollout half way. */
const HALF_WAY = [
  BACKUP,
  CONFIG,
  /^normalize-service: .*old replicas are pending/,
  /^ingest-service: .*old replicas are pending/,
  CHECKS,
];

async function runUntilKilled(args: string[], point: RegExp, identity: Identity): Promise<CliResult> {
  return staging.run(args, {
    identity,
    onProgress: (line, child) => void (point.test(line) && child.kill('SIGKILL')),
  });
}

const revisionOf = async (name: string): Promise<number> =>
  Number((await staging.get('deployments', name)).metadata.annotations['deployment.kubernetes.io/revision']);

describe.each([
  { start: ['migrate', '--to', 'multi'], mode: 'multi', points: ASKED },
  { start: ['rollback'], mode: 'single', points: HALF_WAY },
])('$mode', ({ start, mode, points }) => {
  test('is reached, although it dies in every step and another identity goes on', async () => {
    const before = await Promise.all(['normalize-service', 'ingest-service'].map(revisionOf));
    let args = start;
    let operator: Identity = 'aa-ops';
    const killed: string[] = [];
    for (const point of points) {
      const died = await runUntilKilled(args, point, operator);
      expect(died.signal, `${point}: ${died.stdout}${died.stderr}`).toBe('SIGKILL');
      killed.push(String(point));
      args = ['migrate', '--resume'];
      operator = operator === 'aa-ops' ? 'aa-ops-2' : 'aa-ops';
    }
    const last = await staging.run(args, { identity: operator });
    expect(last.code, last.stdout + last.stderr).toBe(0);
    expect(killed).toHaveLength(points.length);
    expect(last.json<RunJson>()).toMatchObject({ result: 'done', to: mode, shortcomings: [] });
    expect(await staging.mode()).toBe(mode);
    // Each workload was restarted once, however often somebody asked for it.
    const after = await Promise.all(['normalize-service', 'ingest-service'].map(revisionOf));
    expect(after).toEqual(before.map((revision) => revision + 1));
  }, 400_000);
});

test('and nothing is lost, doubled or refused', async () => {
  const report = await traffic.finish();
  expect(report.faults).toEqual([]);
  expect(report.acked).toBe(report.sent);
});
