import type { types } from '@pulumi/kubernetes';
import type { Workload } from '@aa-ops/topology';
import { type Bus, sha8 } from '../bus.ts';
import { usesDatabase } from '../reach.ts';
import { ownedData } from './configMap.ts';
import { workloadLabels } from './labels.ts';
import { natsCredentials, podBasics } from './pods.ts';
import { hardened } from './security.ts';

type DeploymentSpec = types.input.apps.v1.DeploymentSpec;
type Container = types.input.core.v1.Container;
type EnvVar = types.input.core.v1.EnvVar;

/** s. The runtime's own bound for a stop is STOP_TIMEOUT_MS; endpoints follow a pod's end with a delay, which preStop waits out. */
const STOP = { runtime: 20, preStop: 5, grace: 35 };
/** s. A rollout that makes no progress for so long has failed; `aa-ops` tells why. */
const PROGRESS_DEADLINE = 120;

/** A workload's Deployment: rolled out one by one, never below its replicas. */
export function deploymentSpec(bus: Bus, workload: Workload): DeploymentSpec {
  const { replicas } = bus.stack.workloads[workload.name]!;
  return {
    replicas,
    selector: { matchLabels: workload.selector },
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
    progressDeadlineSeconds: PROGRESS_DEADLINE,
    revisionHistoryLimit: 5,
    template: {
      metadata: {
        labels: { ...workloadLabels(bus, workload), ...workload.selector },
        // Of the keys that Pulumi owns only: the mode is brought to the pods by aa-ops, in its own order.
        annotations: { 'aa-ops/config-hash': sha8(ownedData(bus)) },
      },
      spec: {
        ...podBasics(bus, workload.name),
        terminationGracePeriodSeconds: STOP.grace,
        topologySpreadConstraints: ['topology.kubernetes.io/zone', 'kubernetes.io/hostname'].map(
          (topologyKey) => ({
            maxSkew: 1,
            topologyKey,
            whenUnsatisfiable: 'ScheduleAnyway',
            labelSelector: { matchLabels: workload.selector },
            matchLabelKeys: ['pod-template-hash'],
          }),
        ),
        containers: [container(bus, workload)],
        volumes: [
          { name: 'tmp', emptyDir: { sizeLimit: '64Mi' } },
          ...(natsCredentials(bus.stack.secrets.nats)?.volumes ?? []),
        ],
      },
    },
  };
}

function container(bus: Bus, workload: Workload): Container {
  const { stack, topology } = bus;
  const { resources } = stack.workloads[workload.name]!;
  return {
    name: workload.name,
    image: stack.images.runtime,
    command: ['node', workload.role === 'consumer' ? 'dist/aa-normalize.js' : 'dist/aa-ingest.js'],
    ports: [{ name: 'http', containerPort: workload.port }],
    envFrom: [{ configMapRef: { name: topology.configMap!.name } }],
    env: environment(bus, workload),
    resources,
    startupProbe: { ...probe('/livez'), periodSeconds: 1, failureThreshold: 60 },
    readinessProbe: { ...probe('/readyz'), periodSeconds: 2, failureThreshold: 3 },
    livenessProbe: { ...probe('/livez'), periodSeconds: 10, failureThreshold: 3 },
    lifecycle: { preStop: { sleep: { seconds: STOP.preStop } } },
    securityContext: hardened,
    volumeMounts: [
      { name: 'tmp', mountPath: '/tmp' },
      ...(natsCredentials(stack.secrets.nats)?.mounts ?? []),
    ],
  };
}

const probe = (path: string) => ({ httpGet: { path, port: 'http' }, timeoutSeconds: 5 });

function environment({ stack, topology }: Bus, workload: Workload): EnvVar[] {
  const { secrets, telemetry } = stack;
  const from = (name: string, ref: { name: string; key: string }): EnvVar => ({
    name,
    valueFrom: { secretKeyRef: ref },
  });
  const value = (name: string, text: string): EnvVar => ({ name, value: text });
  const credentials = natsCredentials(secrets.nats);
  const frontDoor = [
    ['INGEST_TOKEN', secrets.ingest],
    ['INGEST_HMAC_SECRET', secrets.ingestHmac],
    ['OURA_WEBHOOK_SECRET', secrets.ouraWebhook],
    ['OURA_CLIENT_SECRET', secrets.ouraClient],
    ['OURA_VERIFICATION_TOKEN', secrets.ouraVerification],
    ['OURA_TOKEN_KEY', secrets.ouraTokenKey],
    ['OURA_OAUTH_TOKEN', secrets.ouraOauth],
  ] as const;
  return [
    value('NATS_URL', topology.environment.servers.join(',')),
    value('PORT', String(workload.port)),
    value('STOP_TIMEOUT_MS', String(STOP.runtime * 1000)),
    value('OTEL_TRACES_SAMPLER_ARG', String(telemetry.sampleRatio)),
    ...(telemetry.otlpEndpoint ? [value('OTEL_EXPORTER_OTLP_ENDPOINT', telemetry.otlpEndpoint)] : []),
    ...(secrets.otlpHeaders ? [from('OTEL_EXPORTER_OTLP_HEADERS', secrets.otlpHeaders)] : []),
    ...(credentials ? [value('NATS_CREDS', credentials.path)] : []),
    ...(usesDatabase(stack, workload) ? [from('DATABASE_URL', secrets.database)] : []),
    ...(workload.role === 'producer'
      ? frontDoor.flatMap(([name, ref]) => (ref ? [from(name, ref)] : []))
      : []),
    ...Object.entries(stack.workloads[workload.name]!.env).map(([name, text]) => value(name, text)),
  ];
}
