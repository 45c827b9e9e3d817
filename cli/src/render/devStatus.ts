import type { LocalStatus } from '../platform/local/index.ts';
import { renderFields, renderTable } from './table.ts';

/** The local platform for people. */
export function renderDevStatus(status: LocalStatus): string {
  if (status.status === 'down') return `down (${status.dir})`;
  const restarted = (count: number): string => (count > 0 ? `, restarted ${count} x` : '');
  const fields = renderFields([
    ['Status', `${status.status} (${status.dir}, process ${status.supervisor})`],
    ['NATS', status.nats ? status.nats.url + restarted(status.nats.restarts) : 'not up yet'],
    [
      'PostgreSQL',
      status.postgres ? status.postgres.url + restarted(status.postgres.restarts) : 'not up yet',
    ],
    ['Front door', status.frontDoor ? `${status.frontDoor}/ingest/hrv` : 'not up yet'],
  ]);
  const columns = [
    { title: 'POD' },
    { title: 'READY' },
    { title: 'RESTARTS', align: 'right' as const },
    { title: 'MODE' },
    { title: 'URL' },
  ];
  const rows = status.pods.map((pod) => [
    pod.name,
    pod.ready ? 'yes' : pod.crashLoop ? 'CrashLoop' : 'no',
    pod.restarts,
    pod.mode ?? '',
    pod.url ?? '',
  ]);
  return [
    fields,
    renderTable(columns, rows),
    ...(status.notReady ? [`not ready: ${status.notReady}`] : []),
  ].join('\n\n');
}
