import { describe, expect, test } from 'vitest';
import { rightsOf, roleRules } from '../../../cli/src/platform/kubernetes/rights.ts';
import { modePath, ownedData } from '../../../infra/src/specs/configMap.ts';
import { named, registered, stackOf } from '../../support/pulumi/registered.ts';
import { infraRules, type Registered } from '../../support/pulumi/rules/index.ts';

describe.each(['staging', 'production'])('%s', (name) => {
  test('keeps every rule', async () => {
    const { bus, resources } = await registered(await stackOf(name));
    expect(resources.length).toBeGreaterThan(15);
    const rules = infraRules(bus.topology.configMap!.name, modePath(bus));
    const broken = Object.entries(rules).flatMap(([rule, check]) =>
      check(resources).map((it) => `${rule}: ${it}`),
    );
    expect(broken).toEqual([]);
  });

  test('gives the operator exactly the rights that aa-ops uses', async () => {
    const { bus, resources } = await registered(await stackOf(name));
    const role = named(resources, 'Role', 'aa-ops');
    expect(sorted(role.inputs['rules'])).toEqual(sorted(roleRules(rightsOf(bus.topology))));
  });

  test('holds no value of a secret', async () => {
    const { resources } = await registered(await stackOf(name));
    const env = resources
      .filter(({ type }) => type.endsWith(':Deployment'))
      .flatMap(
        ({ inputs }) => inputs['spec'].template.spec.containers[0].env as { name: string; value?: string }[],
      );
    const secret = env.filter((it) => /DATABASE_URL|TOKEN|SECRET/.test(it.name));
    expect(secret.length).toBeGreaterThan(0);
    for (const it of secret) expect(it).toMatchObject({ valueFrom: { secretKeyRef: {} } });
  });

  test('stops a pod later than the runtime stops itself', async () => {
    const { resources } = await registered(await stackOf(name));
    for (const { inputs } of resources.filter(({ type }) => type.endsWith(':Deployment'))) {
      const pod = inputs['spec'].template.spec;
      const { env, lifecycle } = pod.containers[0];
      const own = Number(env.find((it: { name: string }) => it.name === 'STOP_TIMEOUT_MS').value) / 1000;
      expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(own + lifecycle.preStop.sleep.seconds);
    }
  });
});

test('a rule finds what breaks it', async () => {
  const { bus, resources } = await registered(await stackOf('staging'));
  const broken = resources.map((it): Registered => {
    const copy = structuredClone(it);
    if (it.name === 'event-bus-config') return { ...copy, ignoreChanges: [] };
    if (it.type.endsWith(':kubernetes')) return { ...copy, inputs: {} };
    if (it.type.endsWith(':Job')) copy.inputs['spec'].template.spec.containers[0] = {};
    if (it.type.endsWith(':Deployment')) {
      copy.inputs['spec'].replicas = 1;
      copy.inputs['spec'].strategy.rollingUpdate.maxUnavailable = 1;
      const image = 'somewhere/aa-ops-runtime';
      Object.assign(copy.inputs['spec'].template.spec.containers[0], {
        image,
        resources: {},
        securityContext: {},
      });
    }
    if (it.type.endsWith(':Service'))
      copy.inputs['metadata'].annotations = { 'pulumi.com/patchForce': 'true' };
    return copy;
  });
  broken.push({ type: 'kubernetes:core/v1:Secret', name: 'password', inputs: {}, ignoreChanges: [] });
  const rules = infraRules(bus.topology.configMap!.name, modePath(bus));
  const silent = Object.entries(rules).filter(([, check]) => check(broken).length === 0);
  expect(silent.map(([name]) => name)).toEqual([]);
});

test('the pods start anew when Pulumi changes its keys, and not when the mode changes', async () => {
  const { bus } = await registered(await stackOf('staging'));
  const configMap = bus.topology.configMap!;
  const withMode = { ...bus.topology, environment: { ...bus.topology.environment, initialMode: 'multi' } };
  expect(ownedData({ ...bus, topology: withMode })).toBe(ownedData(bus));
  const withKey = { ...bus.topology, configMap: { ...configMap, data: { ...configMap.data, NEW: '1' } } };
  expect(ownedData({ ...bus, topology: withKey })).not.toBe(ownedData(bus));
});

test('adopting the ConfigMap changes no provider: a resource that changed it would be replaced, and its mode lost', async () => {
  const stack = await stackOf('staging');
  const providers = async (adoptConfigMap: boolean) =>
    (await registered({ ...stack, adoptConfigMap })).resources
      .filter(({ type }) => type === 'pulumi:providers:kubernetes')
      .map(({ name, inputs }) => [name, inputs['upsertExistingObjects'] ?? false]);
  expect(await providers(true)).toEqual([
    ['cluster', false],
    ['config', 'true'],
  ]);
  expect(await providers(false)).toEqual([
    ['cluster', false],
    ['config', 'false'],
  ]);
});

test('monitoring is made only where a stack asks for it', async () => {
  const stack = await stackOf('production');
  const kinds = async (of: typeof stack) =>
    (await registered(of)).resources.map(({ type }) => type.replace(/^.*:/, ''));
  expect(await kinds(stack)).toEqual(expect.arrayContaining(['ServiceMonitor', 'PrometheusRule']));
  const off = { ...stack, monitoring: { ...stack.monitoring, serviceMonitors: false, alerts: false } };
  expect(await kinds(off)).not.toEqual(expect.arrayContaining(['ServiceMonitor']));
});

const sorted = (rules: { resources: string[]; verbs: string[] }[]) =>
  rules
    .map((it) => ({ ...it, verbs: [...it.verbs].sort() }))
    .sort((a, b) => a.resources[0]!.localeCompare(b.resources[0]!));
