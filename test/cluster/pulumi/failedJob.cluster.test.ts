import { afterAll, beforeAll, expect, test } from 'vitest';
import { openBus } from '../../../infra/src/bus.ts';
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

test('a Job that failed fails up with its reason, and the next up makes it anew', async () => {
  const bus = await openBus({
    ...(await stackOf('staging')),
    images: { runtime: 'aa-ops/runtime:test', cli: 'aa-ops/cli:test' },
  });
  // Nobody listens there; `aa-ops` gives up after its own time.
  const away = bus.file.text.replace('nats://staging-nats:4222', 'nats://staging-nats:4999');
  expect(away).not.toBe(bus.file.text);
  const stackWith = (text: string) =>
    pulumi.stack('job', async () => {
      const provider = new k8s.Provider('cluster', { namespace: 'staging', enableConfigMapMutable: true });
      new StreamsApply({ ...bus, file: { ...bus.file, text } }, { provider, transformations: [impatient] });
    });
  const broken = await stackWith(away);
  await expect(broken.up()).rejects.toThrow(/the Job failed: .*backoff limit/i);
  const [failed] = await jobs();
  expect(failed.status.failed).toBeGreaterThan(0);

  const again = await broken.preview();
  expect(again.changeSummary).toMatchObject({ replace: 1 });
  await (await stackWith(bus.file.text)).up();
  const [made, ...others] = await jobs();
  expect(others).toEqual([]);
  expect(made.metadata.uid).not.toBe(failed.metadata.uid);
  expect(made.status.succeeded).toBe(1);
});

/** One try is enough to fail. */
function impatient({ type, props, opts }: { type: string; props: Json; opts: Json }) {
  return type === 'kubernetes:batch/v1:Job'
    ? { props: { ...props, spec: { ...props.spec, backoffLimit: 0 } }, opts }
    : undefined;
}
