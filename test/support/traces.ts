import {
  epochOfSource,
  isKeeper,
  type JetStreamWriter,
  PAUSED_KEY,
  placeholderSubject,
  realSubjects,
  type Topology,
} from '@aa-ops/topology';
import { StateReader } from '../../cli/src/saga/stateStore.ts';

const OURS = '_aa-ops.';

interface Connection {
  name?: string;
}

/**
 * What a handover that is over has left behind: an open run, a source, a subject or a message of ours in a stream, a paused durable, a keeper
 * of a stream that owns something, and, with the server's monitoring address, a hold or a guardian that is still connected. Empty where there is nothing.
 */
export async function tracesOf(
  account: JetStreamWriter,
  topology: Topology,
  monitor?: string,
): Promise<string[]> {
  const found: string[] = [];
  const open = await new StateReader(account, topology.name).openRun();
  if (open) found.push(`run ${open.id} is open`);
  for (const stream of Object.keys(topology.streams)) {
    const info = await account.stream(stream);
    if (!info) continue;
    const { subjects, sources = [] } = info.config;
    const isOurs = (subject: string): boolean =>
      subject.startsWith(OURS) && subject !== placeholderSubject(stream);
    for (const subject of subjects.filter(isOurs)) found.push(`${stream} hears ${subject}`);
    for (const source of sources) if (epochOfSource(source)) found.push(`${stream} sources ${source.name}`);
    const messages = await account.subjectCounts(stream, `${OURS}>`);
    for (const [subject, count] of messages) found.push(`${stream} holds ${count} of ${subject}`);
    for (const { name, config, paused } of await account.listConsumers(stream)) {
      if (paused || config.metadata?.[PAUSED_KEY] !== undefined) found.push(`${stream} > ${name} is paused`);
      if (isKeeper({ name }) && realSubjects(subjects).length > 0) found.push(`${stream} > ${name} stands`);
    }
  }
  if (monitor === undefined) return found;
  const { connections } = (await (await fetch(`${monitor}/connz`)).json()) as { connections: Connection[] };
  const names = connections.map(({ name = '' }) => name).filter((name) => /hold|guardian|probe/.test(name));
  return [...found, ...names.map((name) => `"${name}" is connected`)];
}
