import { type Bus, sha8 } from '../bus.ts';

/** Characters of a dashboard's uid, at most: Grafana refuses more. */
const UID_LENGTH = 40;

/** Grafana's "Event Bus - Multi-Stream Overview", as the runbook calls it, of one namespace: one Grafana may show several. */
export function dashboard({ namespace }: Bus): string {
  const panel = (id: number, title: string, expr: string, legend: string) => ({
    id,
    title,
    type: 'timeseries',
    datasource: { type: 'prometheus', uid: '${datasource}' },
    gridPos: { h: 8, w: 12, x: (id % 2) * 12, y: Math.floor(id / 2) * 8 },
    targets: [{ refId: 'A', expr, legendFormat: legend }],
  });
  const here = `namespace="${namespace}"`;
  const rate = (metric: string, by: string, ...only: string[]): string =>
    `sum by (${by}) (rate(${metric}{${[here, ...only].join(',')}}[1m]))`;
  const quantile = `histogram_quantile(0.99, ${rate('normalize_hrv_event_to_row_seconds_bucket', 'le')})`;
  const settled = 'normalize_hrv_messages_total';
  return JSON.stringify({
    uid: uidOf(namespace),
    title: `Event Bus - Multi-Stream Overview (${namespace})`,
    schemaVersion: 39,
    refresh: '10s',
    time: { from: 'now-1h', to: 'now' },
    templating: { list: [{ name: 'datasource', type: 'datasource', query: 'prometheus' }] },
    panels: [
      panel(0, 'Rows by stream', rate(settled, 'stream', 'result="success"'), '{{stream}}'),
      panel(
        1,
        'Published events',
        rate('event_bus_events_published_total', 'topic, status'),
        '{{topic}} {{status}}',
      ),
      panel(
        2,
        'Not rows: retries and dead letters',
        rate(settled, 'result', 'result!="success"'),
        '{{result}}',
      ),
      panel(3, 'Event to row, p99', quantile, 'p99'),
      panel(4, 'Waiting', `max(normalize_hrv_pending{${here}})`, 'pending'),
      panel(5, 'Requests', rate('http_requests_total', 'route, status'), '{{route}} {{status}}'),
    ],
  });
}

/** Its own for each namespace; a long name is cut, and told apart by its hash. */
function uidOf(namespace: string): string {
  const uid = `aa-ops-${namespace}`;
  return uid.length <= UID_LENGTH ? uid : `${uid.slice(0, UID_LENGTH - 9)}-${sha8(namespace)}`;
}
