import type { Status } from '../commands/status.ts';

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
      ({ stream, name, pending, ackPending, ackFloor, inUse }) =>
        `${stream} > ${name}: ${pending} pending, ${ackPending} unacked, ack floor ${ackFloor}${inUse ? '' : ' (not used in this mode)'}`,
    ),
    `dead letters: ${status.deadLetters.messages}`,
    runLine(status),
  ].join('\n');
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
