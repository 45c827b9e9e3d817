import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RunJson } from '../../cli/src/runbook/runDocumentJson.ts';
import { startServiceTraffic } from '../support/cluster/serviceTraffic.ts';
import { type Staging, startStaging } from '../support/cluster/staging.ts';
import { watchReadiness } from '../support/cluster/watchReadiness.ts';

// Two pods each of normalize and ingest, publishers through the Service and direct, an operator with the Role and nothing else.
let staging: Staging;
beforeAll(async () => {
  staging = await startStaging();
});
afterAll(() => staging?.stop());

/** The runbook's "under five minutes". */
const ROLLBACK_MS = 5 * 60_000;

test('preflight is green with the Role alone, and names the context and the namespace', async () => {
  const result = await staging.run(['preflight']);
  const { checks } = result.json<{ checks: { id: string; level: string; evidence: string }[] }>();
  expect(checks.filter(({ level }) => level !== 'green')).toEqual([]);
  const evidence = Object.fromEntries(checks.map(({ id, evidence }) => [id, evidence]));
  expect(evidence['platform-rights']).toBe('kubernetes staging/staging: none is missing');
  expect(evidence['workloads']).toBe('normalize-service 2/2, ingest-service 2/2');
  expect(result.code).toBe(0);
});

test('migrates and rolls back under traffic: every message accounted for, no pod unready beyond its rollout', async () => {
  const readiness = watchReadiness(staging);
  const traffic = await startServiceTraffic(staging, 200);
  const migrated = await staging.run(['migrate', '--to', 'multi']);
  expect(migrated.code, migrated.stdout + migrated.stderr).toBe(0);
  expect(migrated.json<RunJson>().steps.map(({ status }) => status)).not.toContain('failed');
  expect(await staging.mode()).toBe('multi');
  expect((await staging.run(['verify'])).code).toBe(0);
  expect((await staging.run(['migrate', '--to', 'multi'])).json<RunJson>().result).toBe('unchanged');

  const begun = performance.now();
  const back = await staging.run(['rollback']);
  const rollbackMs = Math.round(performance.now() - begun);
  expect(back.code, back.stdout + back.stderr).toBe(0);
  expect(await staging.mode()).toBe('single');
  expect(rollbackMs).toBeLessThan(ROLLBACK_MS);
  expect((await staging.run(['rollback'])).json<RunJson>().result).toBe('unchanged');
  expect((await staging.run(['verify'])).code).toBe(0);
  const report = await traffic.finish();
  readiness.stop();
  const windows = [migrated, back].flatMap((run) =>
    run.json<RunJson>().handovers.map(({ windowMs }) => windowMs),
  );
  console.log(
    `rollback in ${rollbackMs} ms; windows ${windows.join(', ')} ms; ${report.sent} sent, ${report.rows.present} rows, longest wait ${report.longestWaitMs} ms`,
  );
  expect(report.faults).toEqual([]);
  expect(report.acked).toBe(report.sent);
  expect(readiness.faults).toEqual([]);
});

test('the ConfigMap keeps its writers apart, and the restart is in the template as kubectl writes it', async () => {
  const { metadata } = await staging.get('configmaps', 'event-bus-config');
  const ours = metadata.managedFields.find((it: { manager: string }) => it.manager === 'aa-ops');
  expect(ours.fieldsV1['f:data']).toEqual({ 'f:EVENT_STREAM_MODE': {} });
  const { spec } = await staging.get('deployments', 'normalize-service');
  expect(spec.template.metadata.annotations).toMatchObject({
    'kubectl.kubernetes.io/restartedAt': expect.stringMatching(/^\d{4}-/),
    'aa-ops/restart-id': expect.stringMatching(/-run$/),
  });
});

test('status shows the pods, drift what the ConfigMap lacks', async () => {
  const status = (await staging.run(['status'])).json<{
    platform: string;
    pods: { workload: string; ready: boolean }[];
  }>();
  expect(status.platform).toBe('kubernetes staging/staging');
  expect(status.pods.map(({ workload, ready }) => `${workload} ${ready}`).sort()).toEqual([
    'ingest-service true',
    'ingest-service true',
    'normalize-service true',
    'normalize-service true',
  ]);
  await staging.patch('configmaps', 'event-bus-config', {
    data: { FEATURE_SERVICE_MANAGES_STREAMS: 'true' },
  });
  const drift = await staging.run(['drift']);
  expect(drift.json<{ configMap: unknown }>().configMap).toEqual({
    name: 'event-bus-config',
    platform: 'kubernetes staging/staging',
    differences: [{ key: 'FEATURE_SERVICE_MANAGES_STREAMS', live: 'true', wanted: 'false' }],
  });
  expect(drift.code).toBe(2);
  await staging.patch('configmaps', 'event-bus-config', {
    data: { FEATURE_SERVICE_MANAGES_STREAMS: 'false' },
  });
});
