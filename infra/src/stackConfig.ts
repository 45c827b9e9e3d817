import { z } from 'zod';
import { carriesCredentials, problemOfVariable } from './workloadEnv.ts';

const name = z.string().regex(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/, 'is no name of a Kubernetes object');
const quantity = z.string().regex(/^\d+(\.\d+)?(m|k|Ki|M|Mi|G|Gi)?$/, 'is no quantity such as 250m or 192Mi');
/** An address range, such as 10.0.0.0/28 or fd00::/64. */
const cidr = z.union([z.cidrv4(), z.cidrv6()], 'is no address range such as 10.0.0.0/28');

/** An image by version or digest: what a label such as `latest` names moves under the pods. */
const image = z
  .string()
  .regex(/^[^\s@]*:\w[\w.-]*$|@sha256:[0-9a-f]{64}$/, 'names no version: add :VERSION or @sha256:DIGEST')
  .refine((it) => !it.endsWith(':latest'), 'is latest, which moves: name a version or a digest');

/** One key of a Secret that somebody else made: this program never sees its value. */
const secretKey = z.strictObject({ name, key: z.string().min(1) });

const variables = z
  .record(z.string().regex(/^[A-Z][A-Z0-9_]*$/, 'is no name of a variable'), z.string())
  .superRefine((env, context) => {
    for (const [variable, value] of Object.entries(env)) {
      const message = problemOfVariable(variable, value);
      if (message) context.addIssue({ code: 'custom', path: [variable], message });
    }
  });

const workload = z.strictObject({
  /** One pod is no service: a drained node would take it away. */
  replicas: z.number().int().min(2, 'must be 2 or more: a drained node would take a single pod away'),
  resources: z.strictObject({
    requests: z.strictObject({ cpu: quantity, memory: quantity.exactOptional() }),
    limits: z.strictObject({ cpu: quantity.exactOptional(), memory: quantity }),
  }),
  /** Further variables of the runtime (docs/runtime.md); no secrets, and none that the program sets. */
  env: variables.default({}),
});

/** What a stack says beside the topology file: `aa-ops:stack` in Pulumi.STACK.yaml. */
export const stackSchema = z.strictObject({
  /** Environment of the topology file. */
  environment: z.string().min(1),
  images: z.strictObject({ runtime: image, cli: image }),
  /** Secrets of the namespace with the registry's credentials. */
  imagePullSecrets: z.array(name).default([]),
  workloads: z.record(name, workload),
  secrets: z.strictObject({
    database: secretKey,
    /** A credentials file for NATS; absent: it is open to the namespace. */
    nats: secretKey.optional(),
    /** Another one for the streams-apply Job alone, which changes streams as pods never do; absent: `nats`. */
    natsApply: secretKey.optional(),
    /** The bearer token that ingest asks for. */
    ingest: secretKey.optional(),
    /** The secret of the signatures that ingest takes instead. */
    ingestHmac: secretKey.optional(),
    /** Opens Oura's webhook; absent: there is none. */
    ouraWebhook: secretKey.optional(),
    /** The application's secret at Oura, by which it signs. */
    ouraClient: secretKey.optional(),
    /** What the subscription at Oura was made with; absent: what opens the webhook. */
    ouraVerification: secretKey.optional(),
    /** Opens Oura's OAuth flow: encrypts the athletes' tokens in the database; absent: there is none. */
    ouraTokenKey: secretKey.optional(),
    /** What services show that ask for them. */
    ouraOauth: secretKey.optional(),
    /** Headers that the collector asks for, its token among them: `authorization=Bearer%20TOKEN`. */
    otlpHeaders: secretKey.optional(),
  }),
  /** Who may run migrations: gets the operator's Role. */
  operators: z
    .strictObject({ users: z.array(z.string()).default([]), groups: z.array(z.string()).default([]) })
    .default({ users: [], groups: [] }),
  telemetry: z
    .strictObject({
      otlpEndpoint: z
        .url({
          protocol: /^https?$/,
          error:
            "is no URL of OTLP over HTTP, as the pods send it: name the collector's HTTP port, such as http://collector:4318",
        })
        .refine((it) => !carriesCredentials(it), 'carries credentials, and this file is checked in')
        .optional(),
      sampleRatio: z.number().min(0).max(1).default(0.01),
    })
    .default({ sampleRatio: 0.01 }),
  monitoring: z
    .strictObject({
      serviceMonitors: z.boolean().default(false),
      alerts: z.boolean().default(false),
      dashboard: z.boolean().default(false),
      /** By which Prometheus and Grafana find them. */
      labels: z.record(z.string(), z.string()).default({}),
      /** Where whoever is called finds the runbook: each alert's `runbook_url`. */
      runbookUrl: z.url().optional(),
    })
    .default({ serviceMonitors: false, alerts: false, dashboard: false, labels: {} }),
  network: z
    .strictObject({
      /** Namespace of Prometheus, by its `kubernetes.io/metadata.name`. */
      metricsFrom: z.string().default('monitoring'),
      /** Addresses that the API server's proxy comes from, by which `aa-ops` on a laptop asks the pods. */
      apiServerFrom: z.array(cidr).default([]),
      /** Namespace of the ingress controller in front of the producers; absent: only this namespace reaches them. */
      ingressFrom: name.optional(),
      /** Port of the database, for the way out. */
      databasePort: z.number().int().min(1).max(65_535).default(5432),
    })
    .default({ metricsFrom: 'monitoring', apiServerFrom: [], databasePort: 5432 }),
  /** The ConfigMap stands already, made by hand: take it over instead of refusing it. */
  adoptConfigMap: z.boolean().default(false),
  /**
   * The mode that the ConfigMap is made or taken over with, where the account is no longer in the topology's own initialMode. Nobody
   * reads it afterwards.
   */
  initialMode: z.string().optional(),
});

export type StackConfig = z.infer<typeof stackSchema>;

/** A stack's configuration, checked. Throws an Error that names each wrong field by its path. */
export function readStackConfig(raw: unknown): StackConfig {
  const parsed = stackSchema.safeParse(raw);
  if (parsed.success) return parsed.data;
  const lines = parsed.error.issues.map(({ path, message }) => `aa-ops:stack.${path.join('.')}: ${message}`);
  throw invalid("the stack's configuration is not valid", lines);
}

/** An error with every problem, one a line. */
export const invalid = (what: string, problems: readonly string[]): Error =>
  new Error([`${what}:`, ...problems.map((it) => `  ${it}`)].join('\n'));
