import type { Chapter } from './rows.ts';

/** The handoff report, phase by phase. */
export const handoffRows: readonly Chapter[] = [
  {
    title: 'Phases',
    rows: [
      {
        of: ['Executive Summary', 'What Was Accomplished'],
        here: '`consumers-runtime/`, written anew; nothing of the old services is carried over',
        why: 'Its endpoints, log lines, metrics, span and table are kept',
      },
      {
        of: ['Phase 1: Telemetry Foundation'],
        here: '`consumers-runtime/src/shared/telemetry.ts`; trace context travels in NATS headers',
        why: 'Part of the runtime, no package of its own',
      },
      {
        of: ['Phase 2: TypeScript Type Errors'],
        here: '`npm run check`: strict, `exactOptionalPropertyTypes`, `noUncheckedIndexedAccess`',
      },
      {
        of: ['Phase 3: NATS Environment Unification'],
        here: "`NATS_URL` for pods, `environments.<name>.servers` for aa-ops; 4223 is the local platform's usual port",
        why: 'A port is a fact of an environment: 4223 on the host there, 4222 in the cluster of the runbook',
      },
      {
        of: ['Phase 4: Durable Pull Consumer Implementation'],
        here: '`consumers-runtime/src/normalize/`',
        why: 'Ack wait is per mode in the topology (single 30 s, multi 60 s), and the durable as it stands on the server decides. Dead letters go to `dlq.normalize.hrv.raw-received.<reason>`; `NORMALIZE_HRV_DLQ_SUBJECT` overrides the prefix. The dead letter is stored before the message is terminated',
      },
      {
        of: ['Phase 5: End-to-End HRV Flow Verification'],
        here: '`npm run demo`; step `checks` in every migration',
      },
      {
        of: ['Phase 6: Observability Validation'],
        here: 'the same names; `stream` and `durable` are labels too; more in `consumers-runtime/src/normalize/metrics.ts`',
      },
      {
        of: ['Phase 7: Integration Test Suite', 'Test Coverage Summary'],
        here: '`npm test`; the tier is in the file name',
        why: 'Against real servers; nothing is left to be done by hand',
      },
      {
        of: ['Phase 8: CI Verification & Cleanup', 'CI Status', 'Verification Checklist'],
        here: '`npm run check` and `npm test`; `.ci/run` does both',
      },
      {
        of: ['Repository Status', 'Next Steps for Human Developer', 'Documentation'],
        here: 'of its own time; this repository begins anew',
      },
    ],
  },
  {
    title: 'Behaviour',
    rows: [
      {
        of: ['Automated Unit Tests (17 tests)', 'Error Classification (7 tests)'],
        here: '`consumers-runtime/src/normalize/classify.ts`',
        why: 'By SQLSTATE and network code, not by words alone. Three answers: the row is to blame, the same may succeed later, or the database is away (then pulling stops)',
      },
      {
        of: ['Retry Decision Logic (5 tests)', 'JetStream Metadata (2 tests)'],
        here: '`consumers-runtime/src/normalize/handleBatch.ts`, `consumers-runtime/src/normalize/settle.ts`',
        why: 'Nak with 5 s; the last delivery is dead-lettered',
      },
      {
        of: ['Configuration (2 tests)'],
        here: '`consumers-runtime/src/normalize/config.ts`',
        why: 'A value that cannot be used ends the process with 64 and its name',
      },
      {
        of: ['Manual Integration Tests (5 scenarios)', '1. Happy Path'],
        here: 'step `checks`; every event of `npm run demo`',
      },
      {
        of: ['2. Schema Validation Failure'],
        here: 'dead letter `schema_invalid`; `npm run demo` sends some on purpose and looks for each',
      },
      {
        of: ['3. Retryable Error'],
        here: 'nak with 5 s; while the database is away, no pulling',
      },
      {
        of: ['4. Max Retries Exceeded'],
        here: 'dead letter `max_deliver`, on the last delivery',
        why: 'A process that dies during the last delivery leaves only an advisory; `AA_DLQ` holds it in both modes',
      },
      {
        of: ['5. Database Constraint Violation'],
        here: 'upsert on (user, day), the newest `capturedAt` wins; a row that the database will not have is found by splitting the batch, and dead-lettered alone',
        why: 'One bad row does not take its batch with it',
      },
      {
        of: ['Technical Specifications', 'NATS JetStream Configuration'],
        here: '`topology/athlete-ally.yaml`, mode `single`; `aa-ops plan` compares it with what stands',
      },
      {
        of: ['Consumer Loop Pattern'],
        here: '`consumers-runtime/src/normalize/loop.ts`',
        why: 'As printed it stops after one message and leaks one unacked message a turn. Here: requests into a bounded buffer, batches of up to 1,000, one upsert, acks after the commit',
      },
      {
        of: ['Observability'],
        here: '4101 and 4102 `/metrics`; 9464 serves the same document as 4102',
      },
    ],
  },
  {
    title: 'Known fixes and open ends',
    rows: [
      {
        of: [
          'Critical Fixes Applied',
          '1. Pull Consumer Not Requesting Messages (Phase 5)',
          '2. Iterator Concurrency ("already yielding") (Phase 5 v2)',
        ],
        here: '`consumers-runtime/src/normalize/pull.ts`: messages come by callback, there is no iterator',
      },
      {
        of: ['3. Database Port Mismatch (Post-Phase 6)'],
        here: '`DATABASE_URL` is required and has no default; the local platform hands its own to the pods',
      },
      {
        of: ['4. Prisma Date Type Mismatch (Phase 5)'],
        here: 'no Prisma: SQL with typed arrays; dates are checked before they reach it',
      },
      {
        of: ['Known Issues & Limitations', 'Optional Enhancements (Future Work)'],
        here: '[handover.md](handover.md#limits), [CHANGELOG.md](../CHANGELOG.md)',
      },
      {
        of: ['1. OTel Trace Export'],
        here: '`OTEL_EXPORTER_OTLP_ENDPOINT`; unset, spans go nowhere',
      },
      {
        of: ['2. OTel HTTP Auto-Instrumentation'],
        here: 'set up before the first server is made (`consumers-runtime/src/shared/telemetry.ts`), which it had lacked',
      },
      {
        of: ['3. Metrics Registry Consolidation'],
        here: 'one document: prom-client and OpenTelemetry on both ports',
      },
      {
        of: ['4. GitHub Actions CI'],
        here: 'the workflows of `.github/workflows` ([ci.md](ci.md)); `.ci/run` is what they run on each change, for any other CI as well',
      },
    ],
  },
  {
    title: 'Settings and support',
    rows: [
      {
        of: ['Environment Configuration', 'Required Environment Variables'],
        here: 'the same names; required are only `NATS_URL`, and for normalize `DATABASE_URL`',
        why: "`OURA_CLIENT_ID` counts where Oura's OAuth flow is open ([runtime.md](runtime.md#ouras-oauth-flow)). `NORMALIZE_HRV_MAX_DELIVER` and `NORMALIZE_HRV_ACK_WAIT_MS` count only when a pod makes its durable",
      },
      {
        of: ['Docker Compose (Production)'],
        here: '`aa-ops dev up`: the whole system as processes',
        why: 'No containers needed. NATS 4223, PostgreSQL 5433, front door 4101 where they are free; pods take free ports. State, data and logs are in `.aa-ops/dev`, or where `--dir` or `AA_OPS_DEV_DIR` says',
      },
      {
        of: ['Support & Troubleshooting', 'NATS Diagnostic Scripts'],
        here: '`aa-ops streams info`, `aa-ops streams view`, `aa-ops consumers info`, `aa-ops consumers next`, `aa-ops consumers apply`',
        why: 'Nothing processes a message by hand beside the service',
      },
      {
        of: ['Common Issues', 'Consumer not processing messages'],
        here: '`aa-ops status`: pending, unacked, ack floor of each durable; `/health` names the durable and how old the oldest message is',
      },
      {
        of: ['Database connection errors'],
        here: '`/health` says `"database":"disconnected"`; the log says why',
      },
      {
        of: ['Metrics not appearing'],
        here: '`curl http://localhost:4102/metrics`; 9464 serves the same unless `PROMETHEUS_PORT=0`',
      },
    ],
  },
];
