import type { Chapter } from './rows.ts';

/** The operations runbook, section by section. */
export const runbookRows: readonly Chapter[] = [
  {
    title: 'Overview and prerequisites',
    rows: [
      {
        of: ['Overview'],
        here: '`aa-ops migrate --to multi --env staging`; `--dry-run` first shows the handovers and what stands in the way',
        why: 'The runbook cannot run as printed: `AA_CORE_HOT` cannot be created while `ATHLETE_ALLY_EVENTS` hears the same subjects (10065), and flipping the mode moves no message. See above',
      },
      {
        of: ['Prerequisites', 'Infrastructure Access'],
        here: 'step `preflight`; `aa-ops preflight` for the list alone, any time before',
        why: 'Ticked by hand there, asked of the systems here',
      },
      {
        of: [
          'Phase A Completion',
          'Code supports both single/multi modes',
          'Fallback mechanism tested and working',
          'DLQ routing verified',
          'Metrics export working',
          'Local smoke tests passed',
        ],
        here: '`npm test` and `npm run demo`; in the environment itself, step `preflight`',
        why: 'Tested on every change, on real servers, and in both directions',
      },
      {
        of: ['Access to staging NATS cluster'],
        here: 'step `preflight`; the rights that a handover needs are read in step `plan` ([handover.md](handover.md) lists them)',
        why: 'Being able to connect is not enough: the credentials have to update streams, and to hear and publish the moved subjects',
      },
      {
        of: ['Access to staging Kubernetes cluster', 'kubectl configured for staging cluster'],
        here: 'step `preflight`: each right of [kubernetes.md](kubernetes.md#rights) is asked for by name, and so are the ConfigMap, the Deployments and their rollouts',
        why: 'A kubeconfig (or a service account) is enough, no kubectl. Context and namespace are those of the topology file, and a kubeconfig without that context is refused',
      },
      {
        of: ['Access to staging database'],
        here: 'step `preflight`, through the platform',
      },
      {
        of: ['Access to monitoring dashboards (Grafana/Prometheus)'],
        here: '`pulumi up` makes the ServiceMonitor and the dashboard where the stack asks for them ([infra.md](infra.md#configuration))',
        why: 'No command needs Grafana or Prometheus: metrics are read from the pods themselves',
      },
      {
        of: [
          'Tools Required',
          'Node.js v18+ (for ops scripts)',
          'nats CLI (optional, for stream verification)',
          'PostgreSQL client (for database verification)',
        ],
        here: 'Node 20.19 or newer, and nothing else',
        why: 'Node 18 gets no fixes any more. `streams`, `consumers` and `status` stand in for the `nats` CLI; its context files work with `--context`',
      },
    ],
  },
  {
    title: 'Before',
    rows: [
      {
        of: ['Pre-Deployment', 'Step 1: Backup Current State (T-30min)'],
        here: 'step `backup`, into `.aa-ops/runs/<run>/`; `aa-ops backup` alone, with `pg_dump` and messages',
        until: '`pg_dump` by hand',
        why: 'Configuration and state of every stream and consumer, and the ConfigMap, not of one stream and one durable',
      },
      {
        of: ['Step 2: Create Streams (T-20min)'],
        here: '`aa-ops streams apply --env staging`, `--dry-run` first; in a migration, step `expand`',
        why: 'Created closed: until a handover they hear only `_aa-ops.closed.<STREAM>`, because their subjects still have an owner. Names, limits and replicas come from the topology file, not from a script and its environment. The copy starts in step `expand`. Verification: `aa-ops streams ls`, `aa-ops streams info AA_CORE_HOT`',
      },
      {
        of: ['Step 3: Create Consumers (T-10min)'],
        here: '`aa-ops consumers apply` for the durables of the live mode; in a migration, step `consumers`',
        why: 'Made with `deliver all` on a copied stream, the durable would work days again; made with `new`, it would skip what is unacked. The step starts it at the copy of the first message that it has not worked. Verification: `aa-ops consumers info AA_CORE_HOT normalize-hrv-durable`',
      },
    ],
  },
  {
    title: 'The change',
    rows: [
      {
        of: ['Deployment Steps', 'Step 1: Update Kubernetes ConfigMaps (T-0)'],
        here: 'step `config`',
        why: 'Keys are merged, not replaced by a whole file (option A loses keys that others put there), under a field manager of their own and onto the version that was read ([kubernetes.md](kubernetes.md#two-writers)). It comes after the copy and the durables, so that pods find what they look for',
      },
      {
        of: ['Step 2: Rolling Restart Services'],
        here: 'steps `restart-consumers`, `restart-producers`',
        why: 'Consumers before producers, as there; one replica at a time, the new one ready before the old one goes. A pod that does not get ready stops the run (`rollout-stuck`, with the reason, its last log lines and events), and everything is taken back',
      },
    ],
  },
  {
    title: 'Verification',
    rows: [
      {
        of: ['Post-Deployment Verification', 'Immediate Checks (T+5min)'],
        here: 'step `checks`, before the subjects change hands; `aa-ops verify` at any time',
        why: 'Earlier than there: until the handover a red check takes everything back, and no subject has moved',
      },
      {
        of: [
          '1. Service Logs - Stream Mode Detection',
          '2. Service Logs - Consumer Binding',
          '3. Service Logs - DLQ Configuration',
        ],
        here: 'step `checks`; the pods write these lines word for word',
        why: "Only the running process's own lines count, not those of the one before it",
      },
      {
        of: ['4. Health Endpoints'],
        here: 'step `checks`; bodies as printed, and for normalize a `work` object beside them',
        why: 'Health is about work, not sockets: 503 when messages wait and none becomes a row. `/readyz` and `/livez` are apart from it',
      },
      {
        of: ['Functional Testing (T+10min)', 'E2E Test: HRV Ingestion Flow'],
        here: 'step `checks`: one event through the front door, its row awaited; `aa-ops e2e` alone',
        until: '`aa-ops verify` sends the same event',
        why: '`POST /ingest/hrv` answers only after JetStream has stored the event; the row is awaited, not slept for',
      },
      {
        of: ['Metrics Verification (T+15min)', '1. Prometheus Metrics'],
        here: 'step `verify`; labels `result, subject, stream, durable`',
      },
      {
        of: ['2. Stream Message Counts'],
        here: 'step `verify`: owners, counts, and each copy against its original, payloads included; `aa-ops status` shows the counts',
        why: 'As printed, `ATHLETE_ALLY_EVENTS` would have gone on growing. Here it cannot: it no longer hears the subjects',
      },
      {
        of: ['3. DLQ Monitoring'],
        here: 'step `verify`, against the count that `preflight` took; `aa-ops status`',
        why: 'Advisories that `AA_DLQ` holds as well are not dead letters and are not counted',
      },
      {
        of: ['Extended Monitoring (T+30min to T+2hr)', 'Dashboard Checks', 'Database Integrity'],
        here: '`aa-ops soak --for 2h`',
        until: '`aa-ops verify` from time to time; the query of the runbook works as printed',
        why: 'Nobody has to look at a dashboard to know that nothing was lost: the handover is proved message by message',
      },
    ],
  },
  {
    title: 'Monitoring',
    rows: [
      {
        of: ['Monitoring', 'Key Metrics to Watch'],
        here: '`aa-ops verify`: each indicator green, yellow or red, with its evidence',
        why: 'The limits are in the topology file: `thresholds: { deadLettersPerMinute, databaseSilence, fallback, mixedStreams }`',
      },
      {
        of: [
          'Green: normalize_hrv_messages_total incrementing',
          'Green: event_bus_events_published_total incrementing',
          'Green: Database hrv_data table receiving new rows',
          'Green: Service logs show no errors',
          'Green: Service health endpoints return 200 OK',
        ],
        here: 'normalize and ingest export exactly these; rows as well by `normalize_hrv_event_to_row_seconds`',
      },
      {
        of: ['Yellow: Logs show fallback'],
        here: 'log line `[normalize] Consumer normalize-hrv-durable not found on AA_CORE_HOT. Trying next candidate.`',
        why: 'A pod that fell back goes on looking, and returns to the first candidate by itself',
      },
      {
        of: ['Yellow: Metrics show mixed streams'],
        here: 'label `stream` of `normalize_hrv_messages_total`',
        why: 'Normal between step `consumers` and the end of the restarts; afterwards it is a pod of the old mode',
      },
      {
        of: ['Red: Service crash loops'],
        here: '`aa-ops status`: replicas that are ready, restarts and crash loops of each workload; check `pods-ready`, in `aa-ops preflight` and `aa-ops verify`; alerts `EventBusCrashLoop`, `EventBusPodDown`',
        why: 'Pods wait for servers, streams and durables instead of crashing; they end only on a setting that cannot be used (exit 64) or a migration that fails',
      },
      {
        of: ['Red: Failed to find HRV consumer on any available stream'],
        here: 'the same log line; `/readyz` is 503, and the pod goes on looking',
      },
      {
        of: ['Red: Database writes stop'],
        here: '`/health` is 503 once work has waited for 60 s without a stored batch',
        why: 'Pulling stops while the database is away, so that no delivery is burned',
      },
      {
        of: ['Red: DLQ message spike'],
        here: '`aa-ops status`; threshold `deadLettersPerMinute`',
      },
      {
        of: ['Red: 5xx errors on /ingest/hrv endpoint'],
        here: '`http_requests_total{route="/ingest/hrv",status="503"}`',
        why: '503 means: not stored, come again. During a handover requests wait instead',
      },
      {
        of: ['Prometheus Alert Rules'],
        here: 'a PrometheusRule of the Pulumi program: the failure indicators above, and pods that nobody hears of ([infra.md](infra.md#monitoring))',
        why: "Each limit is the topology's own, from `thresholds`; each alert names the command to type next",
      },
    ],
  },
  {
    title: 'Rollback',
    rows: [
      {
        of: ['Rollback Procedure', 'Trigger Conditions'],
        here: 'before the release: any failed step, by itself. Behind it: `aa-ops rollback`, or `--auto-rollback` given beforehand',
        why: 'Before the release no subject has moved, so taking back costs nobody anything. Behind it, which way to go is for a person to decide',
      },
      {
        of: ['Rollback Steps (< 5 minutes)'],
        here: '`aa-ops rollback --env staging --yes`, from any point of a migration, also days later',
        why: 'It walks the same steps with the modes exchanged',
      },
      {
        of: ['Step 1: Revert Configuration'],
        here: 'steps `expand`, `consumers`, `config`, `handover` of the way back',
        why: 'Flipping the ConfigMap alone would lose data: the legacy stream no longer hears the subjects, and what is stored only in `AA_CORE_HOT` is invisible to a consumer that goes back',
      },
      {
        of: ['Step 2: Restart Services'],
        here: 'steps `restart-consumers`, `restart-producers`',
        why: 'Waits at most a minute for each workload, then goes on, hands the subjects back and ends with exit 5: a rollback must not hang on the pods that made it necessary',
      },
      {
        of: ['Step 3: Verify Rollback', 'Step 4: Health Check'],
        here: 'steps `checks` and `verify` of the way back; red ones end it with exit 5, they do not stop it',
      },
      {
        of: ['Step 5: Post-Rollback Actions'],
        here: 'the incident report, `.aa-ops/runs/<run>/report.md`; `aa-ops history <run>` shows every effect. The review and the date of the next attempt are for people',
      },
    ],
  },
  {
    title: 'Troubleshooting',
    rows: [
      {
        of: ['Troubleshooting'],
        here: '`aa-ops doctor`',
        until: '`aa-ops verify` names what is red and the command to type next',
      },
      {
        of: ['Issue: Consumer not found on AA_CORE_HOT'],
        here: '`aa-ops status`, `aa-ops plan`; if a run is open `aa-ops migrate --resume`, else, behind a migration, `aa-ops rollback` and `aa-ops migrate --to multi`; where no migration was, `aa-ops consumers apply`',
        why: 'Creating it by script would start it in the wrong place, so `apply` refuses where the durable that a migration left behind stands: only a way back knows where that one has to go on',
      },
      {
        of: ['Issue: DLQ Message Spike'],
        here: "`aa-ops streams view AA_DLQ --subject 'dlq.>'`; `aa-ops dlq ls` by reason, `replay`, `purge`",
        until:
          'the headers `AA-Dlq-Reason`, `-Error`, `-Stream`, `-Seq`, `-Deliveries` say why and where from',
        why: 'The reason is the last token of the subject: `schema_invalid`, `non_retryable`, `max_deliver`, `expired`',
      },
      {
        of: ['Issue: Services Crash Loop'],
        here: '`aa-ops status`, `kubectl logs --previous`; locally the logs in `.aa-ops/dev/logs`; in a migration `rollout-stuck` carries the pod, why, and its last lines',
        why: 'A missing stream or consumer is no cause any more, and neither is a server that is away',
      },
    ],
  },
  {
    title: 'Success criteria and appendix',
    rows: [
      {
        of: [
          'Success Criteria',
          'Staging Deployment Success',
          'Multi-mode runs for 48 hours without fallback to ATHLETE_ALLY_EVENTS',
          'Zero DLQ message spikes related to stream migration',
          'Metrics show 100% of messages on AA_CORE_HOT (stream label)',
          'E2E tests pass consistently (10 consecutive runs over 24 hours)',
          'No service restarts or crashes during 48-hour soak period',
        ],
        here: '`aa-ops soak --for 48h`',
        until: 'metrics and logs, by hand',
      },
      {
        of: ['Database data integrity verified (no missing HRV records)'],
        here: 'step `verify` proves the copies; `aa-ops compare ATHLETE_ALLY_EVENTS AA_CORE_HOT` at any time',
      },
      {
        of: [
          'Production Readiness Criteria',
          'All staging success criteria met',
          'On-call engineer briefed on rollback process',
          'Monitoring dashboards updated with stream labels',
          'Incident response runbook finalized',
          'Stakeholder sign-off obtained',
        ],
        here: '`aa-ops readiness`; [handover.md](handover.md) is the briefing. A sign-off is for people: `protected: true` asks for `--confirm production`',
        until: 'this list, by hand',
      },
      {
        of: ['Rollback procedure tested and documented'],
        here: '`npm test`: there and back twice under live traffic in three shapes; killed behind every journal entry, both ways',
      },
      {
        of: ['Appendix', 'Useful Commands', 'Stream Management'],
        here: '`aa-ops streams ls`, `aa-ops streams info STREAM`, `aa-ops streams view STREAM`',
        why: '`view` reads without a consumer',
      },
      {
        of: ['Consumer Management'],
        here: '`aa-ops consumers ls STREAM`, `aa-ops consumers info STREAM CONSUMER`, `aa-ops consumers next STREAM CONSUMER`',
        why: "`next` only looks. The `nats` CLI's takes the message away from the service; here that needs `--ack`",
      },
      {
        of: ['Service Logs', 'Service Metrics', 'Database Queries'],
        here: '`aa-ops status` shows the pods; `kubectl logs`, `curl …/metrics` and `psql` as printed; locally `.aa-ops/dev/logs` and the URLs of `aa-ops dev status`',
      },
      {
        of: ['Contact Information'],
        here: 'not part of this',
      },
    ],
  },
];
