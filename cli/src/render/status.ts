import { MIXED } from '@aa-ops/topology';
import type { Look } from '../status/rates.ts';
import { clean } from './clean.ts';
import { formatAgo, formatAmount, formatCount } from './numbers.ts';

/** Where the environment stands, for people. */
export function renderStatus(status: Look): string {
  const { streams, consumers, deadLetters } = status;
  const width = Math.max(0, ...streams.map(({ name }) => name.length));
  return [
    `mode: ${status.mode}`,
    '',
    ...streams.flatMap(({ name, subjects, messages, lastSequence, sources, storedPerSecond }) => [
      `${name.padEnd(width)}  ${String(messages).padStart(9)} messages, last ${lastSequence}${rateOf(storedPerSecond)}  ${subjects.join(', ') || '(closed)'}`,
      ...sources.map((from) => `  copies ${from.name}, ${formatCount(from.lag)} to go`),
    ]),
    '',
    ...consumers.map(
      ({ stream, name, pending, ackPending, ackFloor, settledPerSecond, paused, inUse }) =>
        `${stream} > ${name}: ${pending} pending, ${ackPending} unacked, ack floor ${ackFloor}${rateOf(settledPerSecond)}${paused ? ', paused' : ''}${inUse ? '' : ' (not used in this mode)'}`,
    ),
    `dead letters: ${deadLetters.messages}${rateOf(deadLetters.perSecond)}`,
    ...podLines(status),
    runLine(status),
  ].join('\n');
}

/** `, 312/s`; nothing where there was no look before. */
const rateOf = (perSecond: number | null): string =>
  perSecond === null ? '' : `, ${perSecond.toLocaleString('en-US')}/s`;

function podLines({ platform, pods, configuredMode, unread }: Look): string[] {
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

function runLine({ run, lease, mode }: Look): string {
  if (!run) {
    if (lease) return `no run is open; ${lease.operator}@${lease.host} runs "${lease.command}"`;
    return mode === MIXED ? 'no run is open: aa-ops plan says what to put right by hand' : 'no run is open';
  }
  const done = run.steps.filter(({ status }) => status !== 'pending' && status !== 'failed').length;
  const holder = lease
    ? `held by ${lease.operator}@${lease.host} since ${lease.since}`
    : 'nobody works on it';
  return `open: ${run.command} ${run.from} -> ${run.to} (${run.id}), ${done} of ${run.steps.length} steps done, ${holder}${run.reason ? `; ${run.reason}` : ''}`;
}
