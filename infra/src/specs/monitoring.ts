import type { Workload } from '@aa-ops/topology';
import type { Bus } from '../bus.ts';

/** One alert of a PrometheusRule. */
interface Alert {
  alert: string;
  expr: string;
  for: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
}

/** What an alert is made of. */
interface Told {
  severity: 'warning' | 'critical';
  expr: string;
  /** How long it holds before anybody is told. */
  for: string;
  summary: string;
  /** Lines for a shell, as they stand. */
  run: string[];
  labels?: Record<string, string>;
}

/**
 * Scrapes a workload's pods, ready or not, through its Service, which is found by the label of its name. The Prometheus operator gives
 * each series `namespace`, `service` and `pod`, by which the alerts go.
 */
export const serviceMonitorSpec = ({ namespace }: Bus, { name, metrics }: Workload) => ({
  namespaceSelector: { matchNames: [namespace] },
  selector: { matchLabels: { 'app.kubernetes.io/name': name } },
  endpoints: [{ port: 'http', path: metrics, interval: '15s' }],
});

/**
 * The runbook's failure indicators, with the topology's own thresholds, and that nobody would see them: a pod that is not there raises no
 * counter. Only of what the pods export and of Prometheus' own `up`.
 */
export function alertRules(bus: Bus): { groups: { name: string; rules: Alert[] }[] } {
  const { topology, stack, namespace } = bus;
  const { thresholds, workloads, environment } = topology;
  const { runbookUrl } = stack.monitoring;
  const alert = (name: string, { severity, expr, for: holds, summary, run, labels }: Told): Alert => ({
    alert: name,
    expr,
    for: holds,
    labels: { severity, namespace, ...labels },
    annotations: {
      summary,
      runbook: run.join('\n'),
      ...(runbookUrl ? { runbook_url: runbookUrl } : {}),
    },
  });
  const minutes = (ms: number): string => `${Math.max(1, Math.round(ms / 60_000))}m`;
  const aaOps = (command: string): string => `aa-ops ${command} --env ${environment.name}`;
  const verify = aaOps('verify');
  const orBack = [verify, `${aaOps('rollback')} # where it stays red`];

  const series = (metric: string, ...only: string[]): string =>
    `${metric}{${[`namespace="${namespace}"`, ...only].join(',')}}`;
  const ours = `service=~"${workloads.map(({ name }) => name).join('|')}"`;
  const settled = (results: string): string =>
    `sum(rate(${series('normalize_hrv_messages_total', `result=~"${results}"`)}[1m]))`;
  const pending = series('normalize_hrv_pending');

  return {
    groups: [
      {
        name: 'aa-ops.event-bus',
        rules: [
          alert('HrvDeadLetters', {
            severity: 'critical',
            expr: `60 * ${settled('dlq|schema_invalid')} > ${thresholds.deadLettersPerMinute}`,
            for: '2m',
            summary: `more than ${thresholds.deadLettersPerMinute} dead letters a minute`,
            run: orBack,
          }),
          alert('HrvNoRows', {
            severity: 'critical',
            // A counter that was never raised has no series: nothing seen is 0, not nothing known. What a pod holds waits as well.
            expr: `(${settled('success')} or vector(0)) == 0 and max(${pending} + ${series('normalize_hrv_ack_pending')}) > 0`,
            for: minutes(thresholds.databaseSilenceMs),
            summary: 'events wait and no row is written',
            run: [verify],
          }),
          alert('HrvNotBound', {
            severity: 'critical',
            // A pod without a durable says how many messages it holds, and nothing of how many wait.
            expr: `count(${series('normalize_hrv_held')} unless ${pending}) > 0`,
            for: '1m',
            summary: 'a pod finds its consumer on no stream',
            run: orBack,
          }),
          alert('HrvMixedStreams', {
            severity: 'warning',
            expr: `count(count by (stream) (rate(${series('normalize_hrv_messages_total', 'result="success"')}[5m]) > 0)) > 1`,
            for: minutes(thresholds.mixedStreamsMs),
            summary: 'pods consume from more than one stream',
            run: [aaOps('status'), ...orBack],
          }),
          alert('HrvBehind', {
            severity: 'warning',
            expr: `max(${series('normalize_hrv_oldest_held_seconds')}) > 60`,
            for: '5m',
            summary: 'a pod has held a message for over a minute',
            run: [verify],
          }),
          alert('IngestErrors', {
            severity: 'critical',
            expr: `sum(rate(${series('http_requests_total', 'route="/ingest/hrv"', 'status=~"5.."')}[1m])) > 0`,
            for: '2m',
            summary: 'POST /ingest/hrv answers 5xx',
            run: [verify],
          }),
          ...workloads.map(({ name }) =>
            alert('EventBusAbsent', {
              severity: 'critical',
              expr: `absent(${series('up', `service="${name}"`)} == 1)`,
              for: '2m',
              summary: `no pod of ${name} answers a scrape`,
              run: [aaOps('status'), verify],
              labels: { service: name },
            }),
          ),
          alert('EventBusPodDown', {
            severity: 'warning',
            // A pod that ends before it answers anybody, on a setting that cannot be used, is never seen to start.
            expr: `${series('up', ours)} == 0`,
            for: '5m',
            summary: 'pod {{ $labels.pod }} answers no scrape',
            run: [aaOps('status')],
          }),
          alert('EventBusCrashLoop', {
            severity: 'critical',
            expr: `changes(${series('process_start_time_seconds', ours)}[15m]) >= 3`,
            for: '1m',
            summary: 'pod {{ $labels.pod }} was started again three times within 15 minutes',
            run: [aaOps('status'), ...orBack],
          }),
        ],
      },
    ],
  };
}
