/** The topology file that this project began with, word for word: files that are written so have to go on loading. */
export const contractFile = `version: 1
name: athlete-ally
streams:                         # every stream that may exist, whatever the mode; subjects come from the mode
  ATHLETE_ALLY_EVENTS: { description: Legacy, storage: file, discard: old, maxAge: 7d, duplicateWindow: 2m, compression: s2 }
  AA_CORE_HOT:   { storage: file, discard: old, maxAge: 48h, duplicateWindow: 2m, compression: s2 }
  AA_VENDOR_HOT: { storage: file, discard: old, maxAge: 48h, duplicateWindow: 2m, compression: s2 }
  AA_DLQ:        { storage: file, discard: old, maxAge: 14d, duplicateWindow: 1h }
consumers:                       # durables; where they live comes from the mode
  normalize-hrv-durable: { filterSubjects: [athlete-ally.hrv.raw-received], ackPolicy: explicit, deliverPolicy: all, ackWait: 60s, maxDeliver: 5 }
modes:
  single:
    subjects:  { ATHLETE_ALLY_EVENTS: [athlete-ally.>, vendor.oura.>, "sleep.*"], AA_DLQ: [dlq.>, $JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.>] }
    consumers: { normalize-hrv-durable: { stream: ATHLETE_ALLY_EVENTS, ackWait: 30s } }
  multi:
    subjects:  { AA_CORE_HOT: [athlete-ally.>, "sleep.*"], AA_VENDOR_HOT: [vendor.>], AA_DLQ: [dlq.>, $JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.>] }
    consumers: { normalize-hrv-durable: { stream: AA_CORE_HOT } }
workloads:                       # in restart order; absent: a migration is JetStream only
  - { name: normalize-service, role: consumer, selector: { app: normalize-service }, port: 4102, health: /health, metrics: /metrics }
  - { name: ingest-service,    role: producer, selector: { app: ingest-service },    port: 4101, health: /health, metrics: /metrics }
configMap: { name: event-bus-config, modeKey: EVENT_STREAM_MODE, data: { FEATURE_SERVICE_MANAGES_STREAMS: "false", FEATURE_SERVICE_MANAGES_CONSUMERS: "false" } }
thresholds: { deadLettersPerMinute: 10, databaseSilence: 2m, fallback: 5m, mixedStreams: 10m }
environments:
  local:      { servers: [nats://127.0.0.1:4223], platform: local, initialMode: single }          # \`dev\` writes the ports it took into its state, and they win
  staging:    { servers: [nats://staging-nats:4222], platform: kubernetes, kubeContext: staging, namespace: staging, replicas: 1, initialMode: single, databaseUrlFrom: DATABASE_URL }
  production: { servers: [nats://nats.production:4222], platform: kubernetes, kubeContext: production, namespace: production, replicas: 3, initialMode: single, databaseUrlFrom: DATABASE_URL, protected: true }
`;

/** A small valid topology for tests of rules: other names than Athlete Ally's, no pods. */
export const small = `version: 1
name: shop
streams:
  ALL: { maxAge: 7d }
  ORDERS: { maxAge: 2d }
  DEAD: {}
consumers:
  bill: { filterSubjects: [orders.*.placed], ackWait: 30s, maxDeliver: 5 }
modes:
  one:
    subjects: { ALL: [orders.>, users.>], DEAD: [dlq.>, $JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.>] }
    consumers: { bill: { stream: ALL } }
  two:
    subjects: { ORDERS: [orders.>], ALL: [users.>], DEAD: [dlq.>, $JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.>] }
    consumers: { bill: { stream: ORDERS } }
environments:
  here: { servers: [nats://127.0.0.1:4222], initialMode: one }
  there: { servers: [nats://there:4222], initialMode: two, replicas: 3 }
`;
