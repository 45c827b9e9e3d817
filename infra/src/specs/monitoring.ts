import type { Bus } from '../bus.ts';

/** One alert of a PrometheusRule. */
interface Alert {
  alert: string;
  expr: string;
  for: string;
  labels: { severity: 'warning' | 'critical' };
  annotations: { summary: string; runbook: string };
}

/** Scrapes /metrics of both Services (`app` is in their selectors). */
export const serviceMonitorSpec = ({ topology, namespace }: Bus) => ({
  namespaceSelector: { matchNames: [namespace] },
  selector: {
    matchExpressions: [
      { key: 'app.kubernetes.io/name', operator: 'In', values: topology.workloads.map(({ name }) => name) },
    ],
  },
  endpoints: [{ port: 'http', path: '/metrics', interval: '15s' }],
});

/** The runbook's failure indicators, with the topology's own thresholds. */
export function alertRules({ topology }: Bus): { groups: { name: string; rules: Alert[] }[] } {
  const { thresholds } = topology;
  const alert = (
    name: string,
    severity: 'warning' | 'critical',
    expr: string,
    holds: string,
    summary: string,
    command: string,
  ): Alert => ({
    alert: name,
    expr,
    for: holds,
    labels: { severity },
    annotations: { summary, runbook: `run: ${command}` },
  });
  const minutes = (ms: number): string => `${Math.max(1, Math.round(ms / 60_000))}m`;
  // A counter that was never raised has no series: nothing seen is 0, not nothing known.
  const settled = (results: string): string =>
    `(sum(rate(normalize_hrv_messages_total{result=~"${results}"}[1m])) or vector(0))`;
  return {
    groups: [
      {
        name: 'aa-ops.event-bus',
        rules: [
          alert(
            'HrvDeadLetters',
            'critical',
            `60 * ${settled('dlq|schema_invalid')} > ${thresholds.deadLettersPerMinute}`,
            '2m',
            `more than ${thresholds.deadLettersPerMinute} dead letters a minute`,
            'aa-ops verify, then aa-ops rollback',
          ),
          alert(
            'HrvNoRows',
            'critical',
            `${settled('success')} == 0 and sum(normalize_hrv_pending) > 0`,
            minutes(thresholds.databaseSilenceMs),
            'events wait and no row is written',
            'aa-ops verify',
          ),
          alert(
            'HrvMixedStreams',
            'warning',
            'count(count by (stream) (rate(normalize_hrv_messages_total{result="success"}[5m]) > 0)) > 1',
            minutes(thresholds.mixedStreamsMs),
            'pods consume from more than one stream',
            'aa-ops status, then aa-ops rollback',
          ),
          alert(
            'HrvBehind',
            'warning',
            'max(normalize_hrv_oldest_held_seconds) > 60',
            '5m',
            'a pod has held a message for over a minute',
            'aa-ops verify',
          ),
          alert(
            'IngestErrors',
            'critical',
            'sum(rate(http_requests_total{route="/ingest/hrv",status=~"5.."}[1m])) > 0',
            '2m',
            'POST /ingest/hrv answers 5xx',
            'aa-ops verify',
          ),
        ],
      },
    ],
  };
}

/** Grafana's "Event Bus - Multi-Stream Overview", as the runbook calls it. */
export function dashboard(): string {
  const panel = (id: number, title: string, expr: string, legend: string) => ({
    id,
    title,
    type: 'timeseries',
    datasource: { type: 'prometheus', uid: '${datasource}' },
    gridPos: { h: 8, w: 12, x: (id % 2) * 12, y: Math.floor(id / 2) * 8 },
    targets: [{ refId: 'A', expr, legendFormat: legend }],
  });
  const rate = (metric: string, by: string): string => `sum by (${by}) (rate(${metric}[1m]))`;
  return JSON.stringify({
    uid: 'aa-ops-event-bus',
    title: 'Event Bus - Multi-Stream Overview',
    schemaVersion: 39,
    refresh: '10s',
    time: { from: 'now-1h', to: 'now' },
    templating: { list: [{ name: 'datasource', type: 'datasource', query: 'prometheus' }] },
    panels: [
      panel(
        0,
        'Rows by stream',
        rate('normalize_hrv_messages_total{result="success"}', 'stream'),
        '{{stream}}',
      ),
      panel(
        1,
        'Published events',
        rate('event_bus_events_published_total', 'topic, status'),
        '{{topic}} {{status}}',
      ),
      panel(
        2,
        'Not rows: retries and dead letters',
        rate('normalize_hrv_messages_total{result!="success"}', 'result'),
        '{{result}}',
      ),
      panel(
        3,
        'Event to row, p99',
        'histogram_quantile(0.99, sum by (le) (rate(normalize_hrv_event_to_row_seconds_bucket[1m])))',
        'p99',
      ),
      panel(4, 'Waiting', 'max(normalize_hrv_pending)', 'pending'),
      panel(5, 'Requests', rate('http_requests_total', 'route, status'), '{{route}} {{status}}'),
    ],
  });
}
