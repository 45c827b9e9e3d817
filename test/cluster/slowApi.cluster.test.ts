import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RunJson } from '../../cli/src/runbook/runDocumentJson.ts';
import { type ServiceTraffic, startServiceTraffic } from '../support/cluster/serviceTraffic.ts';
import { type SlowProxy, startSlowProxy } from '../support/cluster/slowProxy.ts';
import { type Staging, startStaging } from '../support/cluster/staging.ts';

// The API server answers, and slowly: as over a bad line, or where it has too much to do. Nobody is to take that for a failure.
let staging: Staging;
let slow: SlowProxy;
let traffic: ServiceTraffic;
beforeAll(async () => {
  staging = await startStaging();
  slow = await startSlowProxy(staging.cluster);
  traffic = await startServiceTraffic(staging, 60);
});
afterAll(async () => {
  slow?.stop();
  await staging?.stop();
});

/** ms; a request is a handshake and an answer: it takes twice that. 1 to 3 s in full. */
const DELAYS = process.env['AA_TEST_LONG'] ? [1_000, 2_000, 3_000] : [300, 600, 900];
/** One in so many requests gets no answer at all: the client's own bound ends it, and it asks again. */
const HANGS = 17;

const through = (): { env: Record<string, string> } => ({ env: { KUBECONFIG: slow.kubeconfigs['aa-ops'] } });

test.each([
  { args: ['migrate', '--to', 'multi'], mode: 'multi', what: 'every answer takes its time', unanswered: 0 },
  { args: ['rollback'], mode: 'single', what: 'some never come', unanswered: 3 },
])(
  '$mode is reached where $what',
  async ({ args, mode, unanswered }) => {
    slow.delayMs = (nth) => (unanswered === 0 ? DELAYS[nth % DELAYS.length]! : 100);
    slow.hangs = (nth) => unanswered > 0 && nth % HANGS === 0;
    const before = slow.answers;
    const run = await staging.run(args, through());
    expect(run.code, run.stdout + run.stderr).toBe(0);
    const document = run.json<RunJson>();
    expect(document).toMatchObject({ result: 'done', to: mode, shortcomings: [] });
    expect(document.steps.map(({ status }) => status)).not.toContain('failed');
    expect(await staging.mode()).toBe(mode);
    expect(slow.answers - before).toBeGreaterThan(20);
    expect(slow.hung).toBeGreaterThanOrEqual(unanswered);
    console.log(
      `${mode}: ${slow.answers - before} answers, ${slow.hung} requests without any; ${document.steps.map(({ id, ms }) => `${id} ${ms} ms`).join(', ')}`,
    );
  },
  600_000,
);

test('a look says what it sees, and does not take slowness for absence', async () => {
  slow.delayMs = (nth) => DELAYS[nth % DELAYS.length]!;
  slow.hangs = () => false;
  const status = await staging.run(['status'], through());
  expect(status.json<{ mode: string; unread?: string }>()).toMatchObject({ mode: 'single' });
  expect(status.json<{ unread?: string }>().unread).toBeUndefined();
  expect(status.json<{ pods: unknown[] }>().pods).toHaveLength(4);
});

test('and no event was lost, doubled or refused meanwhile', async () => {
  const report = await traffic.finish();
  expect(report.faults).toEqual([]);
});
