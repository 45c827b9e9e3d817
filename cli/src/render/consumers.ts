import type { consumerDocument } from '../commands/consumers.ts';
import { formatCount } from './numbers.ts';
import type { Paint } from './paint.ts';
import { shown } from './plan.ts';
import { renderFields, renderTable } from './table.ts';

type ConsumerDocument = ReturnType<typeof consumerDocument>;

/** `consumers ls` for people. */
export function renderConsumers(consumers: readonly ConsumerDocument[], paint: Paint): string {
  if (consumers.length === 0) return 'no consumers';
  const right = { align: 'right' as const };
  const columns = [
    { title: 'STREAM' },
    { title: 'CONSUMER' },
    { title: 'PENDING', ...right },
    { title: 'UNACKED', ...right },
    { title: 'REDELIVERED', ...right },
    { title: 'ACK FLOOR', ...right },
    { title: 'PULLS WAITING', ...right },
  ];
  const rows = consumers.map((one) => [
    one.stream,
    one.managed ? one.name : `${one.name} (not in the topology)`,
    formatCount(one.pending),
    formatCount(one.ackPending),
    formatCount(one.redelivered),
    one.ackFloor,
    one.waiting,
  ]);
  return renderTable(columns, rows, paint);
}

/** `consumers info` for people. */
export const renderConsumer = (
  consumer: ConsumerDocument & { created: string; fields: Record<string, unknown> },
  paint: Paint,
): string =>
  renderFields(
    [
      ['Consumer', consumer.managed ? consumer.name : `${consumer.name} (not in the topology)`],
      ['Stream', consumer.stream],
      ['Created', consumer.created],
      ['Pending', formatCount(consumer.pending)],
      ['Unacked', `${formatCount(consumer.ackPending)}, ${formatCount(consumer.redelivered)} redelivered`],
      ['Delivered', `up to ${consumer.delivered}, acked up to ${consumer.ackFloor}`],
      ['Last delivery', consumer.lastDelivery ?? 'never'],
      ['Pulls waiting', consumer.waiting],
      ...(consumer.pausedUntil ? [['Paused until', consumer.pausedUntil] as [string, string]] : []),
      ...Object.entries(consumer.fields).map(([name, value]): [string, string] => [name, shown(value)]),
    ],
    paint,
  );
