import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Json } from '../../support/cluster/api.ts';
import { jobOfDocs } from '../../support/cluster/jobOfDocs.ts';
import { until } from '../../support/cluster/until.ts';
import { type Cluster, useCluster } from '../../support/cluster/useCluster.ts';
import { prometheusKinds } from '../../support/pulumi/prometheusKinds.ts';
import { registered, stackOf } from '../../support/pulumi/registered.ts';
import type { Registered } from '../../support/pulumi/rules/index.ts';

// Every object of both stacks as a real API server takes it: unknown and doubled fields are errors (`fieldValidation=Strict`), defaults,
// validation and admission run, and nothing is stored (`dryRun=All`).
let cluster: Cluster;
beforeAll(async () => {
  cluster = await useCluster();
  for (const kind of prometheusKinds) await cluster.api.post(`${API}/customresourcedefinitions`, kind);
  await until(async () => {
    const { resources } = await cluster.api.get('/apis/monitoring.coreos.com/v1');
    if (resources.length < prometheusKinds.length) throw new Error('the kinds are not served yet');
  });
  await cluster.api.post('/api/v1/namespaces', { metadata: { name: 'production' } });
  for (const namespace of ['staging', 'production'])
    await cluster.api.patch(`/api/v1/namespaces/${namespace}`, {
      metadata: { labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
    });
});
afterAll(() => cluster?.stop());

const API = '/apis/apiextensions.k8s.io/v1';

/** Creates it as if, strictly. */
async function tryOut(object: Json): Promise<Json> {
  const { apiVersion, kind, metadata } = object;
  const base = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const { resources } = await cluster.api.get(base);
  const resource = resources.find((it: Json) => it.kind === kind && !it.name.includes('/'));
  const path = `${base}/namespaces/${metadata.namespace}/${resource.name}`;
  return cluster.api.post(`${path}?dryRun=All&fieldValidation=Strict`, object);
}

const problemOf = (object: Json): Promise<string | undefined> =>
  tryOut(object).then(
    () => undefined,
    (error: Error) => `${object.kind} ${object.metadata.name}: ${error.message}`,
  );

const isObject = ({ inputs }: Registered): boolean => Boolean(inputs['apiVersion'] && inputs['kind']);

describe.each(['staging', 'production'])('%s', (stack) => {
  test('every object passes strict validation and admission', async () => {
    const { resources } = await registered(await stackOf(stack));
    const objects = resources.filter(isObject).map(({ inputs }) => inputs);
    const kinds = new Set(objects.map(({ kind }) => kind));
    expect(kinds.size).toBeGreaterThan(8);
    expect((await Promise.all(objects.map(problemOf))).filter(Boolean)).toEqual([]);
  });

  test('its pods pass in a namespace that enforces the restricted Pod Security Standard', async () => {
    const { resources } = await registered(await stackOf(stack));
    const templates = resources.filter(({ type }) => /:(Deployment|Job)$/.test(type));
    expect(templates).toHaveLength(3);
    for (const { name, inputs } of templates) {
      const { metadata, spec } = inputs['spec'].template;
      const { namespace } = inputs['metadata'];
      // Its account is made by the program, and nothing was made here.
      const pod = { ...spec, serviceAccountName: 'default' };
      const object = {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { ...metadata, name, namespace },
        spec: pod,
      };
      expect(await problemOf(object)).toBeUndefined();
      const loose = { ...object, spec: { ...pod, securityContext: {} } };
      expect(await problemOf(loose)).toMatch(/violates PodSecurity "restricted/);
    }
  });
});

test('the Job of docs/kubernetes.md passes as it stands', async () => {
  const job = await jobOfDocs();
  expect(job.metadata.namespace).toBe('staging');
  expect(await problemOf(job)).toBeUndefined();
  const { metadata, spec } = job.spec.template;
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...metadata, name: 'aa-ops', namespace: 'staging' },
  };
  expect(await problemOf({ ...pod, spec: { ...spec, serviceAccountName: 'default' } })).toBeUndefined();
});

test('strict means that a field nobody knows is an error', async () => {
  const { resources } = await registered(await stackOf('production'));
  const one = (kind: string) =>
    structuredClone(resources.find(({ type }) => type.endsWith(`:${kind}`))!.inputs);
  for (const kind of ['Deployment', 'NetworkPolicy', 'ServiceMonitor', 'PrometheusRule']) {
    const wrong = one(kind);
    wrong['spec'].colour = 'blue';
    expect(await problemOf(wrong)).toMatch(/unknown field "spec\.colour"/);
  }
});
