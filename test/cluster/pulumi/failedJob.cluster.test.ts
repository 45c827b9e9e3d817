import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Bus, openBus } from '../../../infra/src/bus.ts';
import { StreamsApply } from '../../../infra/src/components/streamsApply.ts';
import type { Json } from '../../support/cluster/api.ts';
import { type Cluster, useCluster } from '../../support/cluster/useCluster.ts';
import { stackOf } from '../../support/pulumi/registered.ts';
import { type Pulumi, usePulumi } from '../../support/pulumi/usePulumi.ts';
import * as k8s from '@pulumi/kubernetes';

// The streams-apply Job of a stack that could not reach what it needs: `up` says so, and the next `up` runs it again without anybody's hand.
let cluster: Cluster;
let pulumi: Pulumi;
beforeAll(async () => {
  cluster = await useCluster();
  pulumi = await usePulumi(cluster);
});
afterAll(() => cluster?.stop());

const jobs = async (): Promise<Json[]> =>
  (await cluster.api.get('/apis/batch/v1/namespaces/staging/jobs')).items;

const FILE = 'topology.yaml';
/** Staging as its stack says, but for the images. */
const open = async (): Promise<Bus> =>
  openBus({
    ...(await stackOf('staging')),
    images: { runtime: 'aa-ops/runtime:test', cli: 'aa-ops/cli:test' },
  });

test('a Job that failed fails up with its reason, and the next up makes it anew', async () => {
  const bus = await open();
  const text = bus.files.data[FILE]!;
  // Nobody listens there; `aa-ops` gives up after its own time.
  const away = text.replace('nats://staging-nats:4222', 'nats://staging-nats:4999');
  expect(away).not.toBe(text);
  const stackWith = (said: string) =>
    pulumi.stack('job', async () => {
      const provider = new k8s.Provider('cluster', { namespace: 'staging', enableConfigMapMutable: true });
      const files = { ...bus.files, data: { [FILE]: said } };
      new StreamsApply({ ...bus, files }, { provider, transformations: [impatient] });
    });
  const broken = await stackWith(away);
  await expect(broken.up()).rejects.toThrow(/the Job failed: .*backoff limit/i);
  const [failed] = await jobs();
  expect(failed.status.failed).toBeGreaterThan(0);

  const again = await broken.preview();
  expect(again.changeSummary).toMatchObject({ replace: 1 });
  await (await stackWith(text)).up();
  const [made, ...others] = await jobs();
  expect(others).toEqual([]);
  expect(made.metadata.uid).not.toBe(failed.metadata.uid);
  expect(made.status.succeeded).toBe(1);
});

test('a Job that was refused is not tried again: the topology moves subjects, and that takes a migration', async () => {
  const bus = await open();
  const text = bus.files.data[FILE]!;
  const moved = text.replace('vendor.oura.>, sleep.*]', 'vendor.oura.>]\n      AA_CORE_HOT: [sleep.*]');
  expect(moved).not.toBe(text);
  const refused = await pulumi.stack('job', async () => {
    const provider = new k8s.Provider('cluster', { namespace: 'staging', enableConfigMapMutable: true });
    new StreamsApply(
      { ...bus, files: { ...bus.files, data: { [FILE]: moved }, sha8: 'moved' } },
      { provider },
    );
  });
  await expect(refused.up()).rejects.toThrow(/the Job failed: .*exit code 3 matching FailJob rule/);
  const [job, ...others] = (await jobs()).filter(({ status }) => status.failed);
  expect(others).toEqual([]);
  expect(job.spec.backoffLimit).toBeGreaterThan(1);
  expect(job.status.failed).toBe(1);
});

/** One try is enough to fail. */
function impatient({ type, props, opts }: { type: string; props: Json; opts: Json }) {
  return type === 'kubernetes:batch/v1:Job'
    ? { props: { ...props, spec: { ...props.spec, backoffLimit: 0 } }, opts }
    : undefined;
}
