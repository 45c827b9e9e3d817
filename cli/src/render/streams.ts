import type { streamDocument } from '../commands/streams.ts';
import { formatAmount, formatBytes, formatCount } from './numbers.ts';
import type { Paint } from './paint.ts';
import { shown } from './plan.ts';
import { renderFields, renderTable } from './table.ts';

type StreamDocument = ReturnType<typeof streamDocument>;

/** `streams ls` for people. */
export function renderStreams(streams: readonly StreamDocument[], paint: Paint): string {
  if (streams.length === 0) return 'no streams';
  const right = { align: 'right' as const };
  const columns = [
    { title: 'STREAM' },
    { title: 'MESSAGES', ...right },
    { title: 'BYTES', ...right },
    { title: 'LAST SEQ', ...right },
    { title: 'CONSUMERS', ...right },
    { title: 'SUBJECTS' },
  ];
  const rows = streams.map((one) => [
    one.managed ? one.name : `${one.name} (not in the topology)`,
    formatCount(one.messages),
    formatBytes(one.bytes),
    one.lastSequence,
    one.consumers,
    one.subjects.join(', ') || '(none: closed)',
  ]);
  return renderTable(columns, rows, paint);
}

type StreamInfoDocument = StreamDocument & {
  created: string;
  fields: Record<string, unknown>;
  cluster: { leader?: string; replicas?: { name: string; current: boolean }[] } | null;
};

/** `streams info` for people. */
export function renderStream(stream: StreamInfoDocument, paint: Paint): string {
  const replicas = stream.cluster?.replicas?.map(({ name, current }) =>
    current ? name : `${name} (behind)`,
  );
  return renderFields(
    [
      ['Stream', stream.managed ? stream.name : `${stream.name} (not in the topology)`],
      ['Subjects', stream.subjects.join(', ') || '(none: closed)'],
      ['Created', stream.created],
      ['Messages', `${formatCount(stream.messages)}, ${formatBytes(stream.bytes)}`],
      ['Sequences', `${stream.firstSequence} to ${stream.lastSequence}`],
      ['Last message', stream.messages === 0 ? 'never' : stream.lastTime],
      ['Consumers', formatAmount(stream.consumers, 'consumer')],
      ...(stream.cluster?.leader
        ? ([['Leader', [stream.cluster.leader, ...(replicas ?? [])].join(', ')]] as [string, string][])
        : []),
      ...Object.entries(stream.fields).map(([name, value]): [string, string] => [name, shown(value)]),
    ],
    paint,
  );
}
