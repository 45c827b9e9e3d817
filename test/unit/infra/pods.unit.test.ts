import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { EXIT_CODES } from '../../../cli/src/frame/exitCodes.ts';
import { TOPOLOGY_FILE } from '../../../infra/src/bus.ts';
import type { StackConfig } from '../../../infra/src/stackConfig.ts';
import { named, registered, stackOf } from '../../support/pulumi/registered.ts';
import type { Loose, Registered } from '../../support/pulumi/rules/index.ts';
import { makeTempDir } from '../../support/servers.ts';

let stack: StackConfig;
let resources: Registered[];
beforeAll(async () => {
  stack = await stackOf('production');
  ({ resources } = await registered(stack));
});

const WORKLOADS = ['normalize-service', 'ingest-service'];
const templateOf = (name: string, of = resources): Loose =>
  named(of, 'Deployment', name).inputs['spec'].template;
const jobOf = (of = resources): Registered => of.find(({ type }) => type.endsWith(':Job'))!;
const podsOf = (of = resources): Loose[] => [
  ...WORKLOADS.map((name) => templateOf(name, of)['spec']),
  jobOf(of).inputs['spec'].template.spec,
];

/** A stack whose front door knows its application at Oura. */
const withSecrets = (secrets: StackConfig['secrets']): StackConfig => {
  const { 'ingest-service': ingest, ...others } = stack.workloads;
  const env = { OURA_CLIENT_ID: 'app', OURA_REDIRECT_URI: 'https://ingest.example.com/oauth/oura/callback' };
  return { ...stack, secrets, workloads: { ...others, 'ingest-service': { ...ingest!, env } } };
};

describe('pods', () => {
  test('carry the labels of their Deployment, which selects them by the topology’s own alone', () => {
    for (const name of WORKLOADS) {
      const { metadata, spec } = named(resources, 'Deployment', name).inputs;
      expect(templateOf(name)['metadata'].labels).toEqual({ ...metadata.labels, app: name });
      expect(metadata.labels).toMatchObject({
        'app.kubernetes.io/name': name,
        'app.kubernetes.io/part-of': 'athlete-ally',
      });
      // A selector cannot be changed: another one would make the Deployment anew, with nobody serving meanwhile.
      expect(spec.selector).toEqual({ matchLabels: { app: name } });
      expect(named(resources, 'Service', name).inputs['spec'].selector).toEqual({ app: name });
    }
  });

  test('hear nothing of the namespace’s Services', () => {
    for (const pod of podsOf()) expect(pod['enableServiceLinks']).toBe(false);
  });

  test('pull their images with the Secrets that the stack names', async () => {
    for (const pod of podsOf()) expect(pod).not.toHaveProperty('imagePullSecrets');
    const { resources: pulling } = await registered({ ...stack, imagePullSecrets: ['registry'] });
    for (const pod of podsOf(pulling)) expect(pod['imagePullSecrets']).toEqual([{ name: 'registry' }]);
  });
});

describe('credentials', () => {
  const secretsOf = (pod: Loose): string[] =>
    (pod['volumes'] as Loose[]).flatMap(({ secret }) => (secret ? [secret.secretName] : []));

  test('for changing streams are the Job’s alone', async () => {
    const natsApply = { name: 'nats-apply', key: 'apply.creds' };
    const { resources: apart } = await registered({ ...stack, secrets: { ...stack.secrets, natsApply } });
    expect(podsOf(apart).map(secretsOf)).toEqual([
      ['nats-credentials'],
      ['nats-credentials'],
      ['nats-apply'],
    ]);
    const { args } = jobOf(apart).inputs['spec'].template.spec.containers[0];
    expect(args.slice(-2)).toEqual(['--creds', '/var/run/secrets/aa-ops/nats/apply.creds']);
    for (const name of WORKLOADS)
      expect(templateOf(name, apart)['spec'].containers[0].env).toContainEqual({
        name: 'NATS_CREDS',
        value: '/var/run/secrets/aa-ops/nats/user.creds',
      });
  });

  test('are one for all where a stack has no others', () => {
    expect(podsOf().map(secretsOf)).toEqual(Array(3).fill(['nats-credentials']));
  });

  test('of the doors come by reference to the producers', async () => {
    const key = (name: string) => ({ name, key: 'SECRET' });
    const doors = {
      ingestHmac: key('ingest-hmac'),
      ouraWebhook: key('oura-webhook'),
      ouraClient: key('oura-client'),
      ouraVerification: key('oura-verification'),
      ouraTokenKey: key('oura-token-key'),
      ouraOauth: key('oura-oauth'),
    };
    const { resources: all } = await registered(withSecrets({ ...stack.secrets, ...doors }));
    const env = (name: string): Loose[] => templateOf(name, all)['spec'].containers[0].env;
    const expected = {
      INGEST_TOKEN: stack.secrets.ingest,
      INGEST_HMAC_SECRET: doors.ingestHmac,
      OURA_WEBHOOK_SECRET: doors.ouraWebhook,
      OURA_CLIENT_SECRET: doors.ouraClient,
      OURA_VERIFICATION_TOKEN: doors.ouraVerification,
      OURA_TOKEN_KEY: doors.ouraTokenKey,
      OURA_OAUTH_TOKEN: doors.ouraOauth,
      DATABASE_URL: stack.secrets.database,
    };
    const references = Object.entries(expected).map(([name, ref]) => ({
      name,
      valueFrom: { secretKeyRef: ref },
    }));
    expect(env('ingest-service')).toEqual(expect.arrayContaining(references));
    const names = env('normalize-service').map(({ name }) => String(name));
    expect(names.filter((name) => name in expected)).toEqual(['DATABASE_URL']);
  });

  test('of the collector come by reference to every workload', async () => {
    const otlpHeaders = { name: 'collector', key: 'HEADERS' };
    const { resources: all } = await registered({ ...stack, secrets: { ...stack.secrets, otlpHeaders } });
    for (const name of WORKLOADS)
      expect(templateOf(name, all)['spec'].containers[0].env).toContainEqual({
        name: 'OTEL_EXPORTER_OTLP_HEADERS',
        valueFrom: { secretKeyRef: otlpHeaders },
      });
  });
});

test('the Job is not tried again where it was refused or its input is wrong', () => {
  const { podFailurePolicy, template } = jobOf().inputs['spec'];
  expect(podFailurePolicy.rules).toEqual([
    {
      action: 'FailJob',
      onExitCodes: {
        containerName: template.spec.containers[0].name,
        operator: 'In',
        values: [EXIT_CODES.refused, EXIT_CODES.usage],
      },
    },
  ]);
  expect(template.spec.restartPolicy, 'without which Kubernetes takes no such policy').toBe('Never');
});

describe('NetworkPolicies', () => {
  const ingressOf = (name: string, of = resources): Loose[] =>
    named(of, 'NetworkPolicy', name).inputs['spec'].ingress;
  const inNamespace = (name: string) => ({
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': name } },
  });
  const operator = { podSelector: { matchLabels: { 'app.kubernetes.io/name': 'aa-ops' } } };

  test('let in the namespace, aa-ops and Prometheus, and nobody from elsewhere unless the stack says so', () => {
    const asked = { from: [operator, inNamespace('monitoring')], ports: [{ protocol: 'TCP', port: 4102 }] };
    expect(ingressOf('normalize-service')).toEqual([asked]);
    const ports = [{ protocol: 'TCP', port: 4101 }];
    expect(ingressOf('ingest-service')).toEqual([
      { from: [{ podSelector: {} }], ports },
      { ...asked, ports },
    ]);
  });

  test('let in the API server’s proxy, by which aa-ops comes from a laptop, and the ingress controller’s namespace', async () => {
    const network = {
      ...stack.network,
      apiServerFrom: ['10.0.0.0/28', 'fd00::/64'],
      ingressFrom: 'ingress-nginx',
    };
    const { resources: open } = await registered({ ...stack, network });
    const addresses = network.apiServerFrom.map((cidr) => ({ ipBlock: { cidr } }));
    for (const name of WORKLOADS)
      expect(ingressOf(name, open).at(-1)!['from']).toEqual([
        operator,
        inNamespace('monitoring'),
        ...addresses,
      ]);
    expect(ingressOf('ingest-service', open)[0]!['from']).toEqual([
      { podSelector: {} },
      inNamespace('ingress-nginx'),
    ]);
    expect(JSON.stringify(ingressOf('normalize-service', open))).not.toContain('ingress-nginx');
  });

  test('let out to a server of the topology that has neither scheme nor port', async () => {
    const file = join(makeTempDir('topology'), 'topology.yaml');
    const text = await readFile(TOPOLOGY_FILE, 'utf8');
    await writeFile(file, text.replace('nats://staging-nats:4222', 'staging-nats'));
    const { resources: bare } = await registered(await stackOf('staging'), file);
    for (const name of [...WORKLOADS, 'streams-apply'])
      expect(named(bare, 'NetworkPolicy', name).inputs['spec'].egress).toContainEqual({
        ports: [{ protocol: 'TCP', port: 4222 }],
      });
  });

  test('let the front door out to the database and to Oura where its OAuth flow is open, and only there', async () => {
    const ports = (name: string, of: Registered[]): number[] =>
      named(of, 'NetworkPolicy', name).inputs['spec'].egress.flatMap(({ ports }: Loose) =>
        ports.map(({ port }: Loose) => Number(port)),
      );
    const before = ports('ingest-service', resources);
    expect(before).not.toContain(5432);
    const key = { name: 'oura', key: 'SECRET' };
    const opened = { ouraTokenKey: key, ouraOauth: key, ouraClient: key };
    const { resources: open } = await registered(withSecrets({ ...stack.secrets, ...opened }));
    expect(ports('ingest-service', open).filter((port) => !before.includes(port))).toEqual([5432, 443]);
    expect(ports('normalize-service', open)).toEqual(ports('normalize-service', resources));
  });

  test('find the Job’s pod by its name, whatever else its labels say', () => {
    const { podSelector } = named(resources, 'NetworkPolicy', 'streams-apply').inputs['spec'];
    expect(podSelector).toEqual({ matchLabels: { 'app.kubernetes.io/name': 'streams-apply' } });
    expect(jobOf().inputs['spec'].template.metadata.labels).toMatchObject(podSelector.matchLabels);
  });
});
