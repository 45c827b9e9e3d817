import { z } from 'zod';

const name = z.string().regex(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/, 'is no name of a Kubernetes object');
const quantity = z.string().regex(/^\d+(\.\d+)?(m|k|Ki|M|Mi|G|Gi)?$/, 'is no quantity such as 250m or 192Mi');
const amounts = z.record(z.string().regex(/^(cpu|memory)$/, 'is neither cpu nor memory'), quantity);

/** One key of a Secret that somebody else made: this program never sees its value. */
const secretKey = z.strictObject({ name, key: z.string().min(1) });

const workload = z.strictObject({
  replicas: z.number().int().min(1),
  resources: z.strictObject({ requests: amounts, limits: amounts }),
  /** Further variables of the runtime (docs/runtime.md); no secrets. */
  env: z.record(z.string().regex(/^[A-Z][A-Z0-9_]*$/), z.string()).default({}),
});

/** What a stack says beside the topology file: `aa-ops:stack` in Pulumi.STACK.yaml. */
export const stackSchema = z.strictObject({
  /** Environment of the topology file. */
  environment: z.string().min(1),
  images: z.strictObject({ runtime: z.string().min(1), cli: z.string().min(1) }),
  workloads: z.record(name, workload),
  secrets: z.strictObject({
    database: secretKey,
    /** A credentials file for NATS; absent: it is open to the namespace. */
    nats: secretKey.optional(),
    /** The bearer token that ingest asks for. */
    ingest: secretKey.optional(),
  }),
  /** Who may run migrations: gets the operator's Role. */
  operators: z
    .strictObject({ users: z.array(z.string()).default([]), groups: z.array(z.string()).default([]) })
    .default({ users: [], groups: [] }),
  telemetry: z
    .strictObject({ otlpEndpoint: z.url().optional(), sampleRatio: z.number().min(0).max(1).default(0.01) })
    .default({ sampleRatio: 0.01 }),
  monitoring: z
    .strictObject({
      serviceMonitors: z.boolean().default(false),
      alerts: z.boolean().default(false),
      dashboard: z.boolean().default(false),
      /** By which Prometheus and Grafana find them. */
      labels: z.record(z.string(), z.string()).default({}),
    })
    .default({ serviceMonitors: false, alerts: false, dashboard: false, labels: {} }),
  network: z
    .strictObject({
      /** Namespace of Prometheus, by its `kubernetes.io/metadata.name`. */
      metricsFrom: z.string().default('monitoring'),
      /** Port of the database, for the way out. */
      databasePort: z.number().int().default(5432),
    })
    .default({ metricsFrom: 'monitoring', databasePort: 5432 }),
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
  const lines = parsed.error.issues.map(
    ({ path, message }) => `  aa-ops:stack.${path.join('.')}: ${message}`,
  );
  throw new Error(`the stack's configuration is not valid:\n${lines.join('\n')}`);
}
