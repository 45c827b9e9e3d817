import type { Status } from '../commands/status.ts';
import { clean } from './clean.ts';
import { formatAgo, formatAmount } from './numbers.ts';

/** Where the environment stands, for people. */
export function renderStatus(status: Status): string {
  const width = Math.max(0, ...status.streams.map(({ name }) => name.length));
  return [
    `mode: ${status.mode}`,
    '',
    ...status.streams.map(
      ({ name, subjects, messages, lastSequence }) =>
        `${name.padEnd(width)}  ${String(messages).padStart(9)} messages, last ${lastSequence}  ${subjects.join(', ') || '(closed)'}`,
    ),
    '',
    ...status.consumers.map(
      ({ stream, name, pending, ackPending, ackFloor, paused, inUse }) =>
        `${stream} > ${name}: ${pending} pending, ${ackPending} unacked, ack floor ${ackFloor}${paused ? ', paused' : ''}${inUse ? '' : ' (not used in this mode)'}`,
    ),
    `dead letters: ${status.deadLetters.messages}`,
    ...podLines(status),
    runLine(status),
  ].join('\n');
}

function podLines({ platform, pods, configuredMode, unread }: Status): string[] {
  if (platform === 'none') return [];
  if (unread !== undefined) return [clean(`pods: not read, ${unread}`)];
  const width = Math.max(0, ...pods.map(({ name }) => name.length));
  return [
    '',
    clean(`pods: ${platform}, the ConfigMap says ${configuredMode ?? 'no mode'}`),
    ...pods.map(({ name, ready, restarts, startedAt, crashLoop }) => {
      const state = crashLoop ? 'crashes again and again' : ready ? 'ready' : 'not ready';
      const again = restarts > 0 ? `, ${formatAmount(restarts, 'restart')}` : '';
      return clean(`  ${name.padEnd(width)}  ${state}${again}, started ${formatAgo(startedAt)}`);
    }),
    '',
  ];
}

function runLine({ run, lease }: Status): string {
  if (!run)
    return lease
      ? `no run is open; ${lease.operator}@${lease.host} runs "${lease.command}"`
      : 'no run is open';
  const done = run.steps.filter(({ status }) => status !== 'pending' && status !== 'failed').length;
  const holder = lease
    ? `held by ${lease.operator}@${lease.host} since ${lease.since}`
    : 'nobody works on it';
  return `open: ${run.command} ${run.from} -> ${run.to} (${run.id}), ${done} of ${run.steps.length} steps done, ${holder}${run.reason ? `; ${run.reason}` : ''}`;
}
