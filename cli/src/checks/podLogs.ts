import type { Workload } from '@aa-ops/topology';
import type { Pod } from '../platform/platform.ts';
import type { CheckContext } from './check.ts';
import { parseObject } from './healthChecks.ts';

/** Lines that are read of each pod's log; what it says of its binding stands at its start. */
export const LOG_LINES = 5_000;

/** What a pod has said since it was started. */
export interface PodLog {
  pod: string;
  workload: Workload;
  /** As its platform sees it; undefined: it went meanwhile. */
  state: Pod | undefined;
  /** Messages, also of lines in JSON. */
  lines: string[];
  /** Errors among them. */
  errors: string[];
  /** Its start is not among them: a line that is missing proves nothing. */
  isCut: boolean;
}

/** The logs of all running pods of a role (or all), each since its start. */
export async function readPodLogs(
  { topology, platform }: Pick<CheckContext, 'topology' | 'platform'>,
  role?: Workload['role'],
): Promise<PodLog[]> {
  const wanted = topology.workloads.filter((workload) => role === undefined || workload.role === role);
  const logs = await Promise.all(
    wanted.map(async (workload) => {
      const [pods, logs] = await Promise.all([
        platform.pods(workload),
        platform.logs(workload, { tail: LOG_LINES, sinceStart: true }),
      ]);
      return logs.map(({ pod, lines }) =>
        toPodLog(
          { pod, workload, lines },
          pods.find(({ name }) => name === pod),
        ),
      );
    }),
  );
  return logs.flat();
}

export function toPodLog(
  { pod, workload, lines }: { pod: string; workload: Workload; lines: readonly string[] },
  state: Pod | undefined,
): PodLog {
  const entries = lines.map(readLine);
  const messages = entries.map(({ message }) => message);
  return {
    pod,
    workload,
    state,
    lines: messages,
    errors: entries.filter(({ isError }) => isError).map(({ message }) => message),
    // A pod says its mode first of all: one that works and never said it has a log that was rotated.
    isCut: lines.length >= LOG_LINES || (state?.ready === true && tellMode(messages) === undefined),
  };
}

const ERROR_WORDS = /\b(error|exception|fatal|failed|unhandled)\b/i;

/** LOG_FORMAT=json writes objects with `level` and `message`; plain lines are the bare message. */
function readLine(line: string): { message: string; isError: boolean } {
  const entry = line.startsWith('{') ? parseObject(line) : undefined;
  if (typeof entry?.['message'] !== 'string') return { message: line, isError: ERROR_WORDS.test(line) };
  return { message: entry['message'], isError: entry['level'] === 'error' || entry['level'] === 'fatal' };
}

/** What a consumer's log tells of its durable: where it is bound now, and what happened on the way there. */
export interface BindingStory {
  /** Undefined: it has not been bound, or let go and has not found it again. */
  stream?: string;
  durable?: string;
  subject?: string;
  /** How often a candidate did not have the durable. */
  fallbacks: number;
  /** How often none had it. */
  failures: number;
}

const FOUND = /Found existing HRV consumer on (\S+): (\S+)/;
const BOUND = /HRV durable pull consumer bound: (\S+), subject: (\S+)/;
const NEXT = /not found on \S+\. Trying next candidate/;
const NONE = /Failed to find HRV consumer on any available stream/;
const LET_GO = /\[normalize\] Consumer \S+ on \S+ let go/;

export function tellBinding(lines: readonly string[]): BindingStory {
  let story: BindingStory = { fallbacks: 0, failures: 0 };
  for (const line of lines) {
    const { fallbacks, failures } = story;
    const found = FOUND.exec(line);
    const bound = BOUND.exec(line);
    if (found) story = { fallbacks, failures, stream: found[1]!, durable: found[2]! };
    else if (bound) story = { ...story, durable: bound[1]!, subject: bound[2]! };
    else if (NEXT.test(line)) story = { ...story, fallbacks: fallbacks + 1 };
    else if (NONE.test(line)) story = { fallbacks, failures: failures + 1 };
    else if (LET_GO.test(line)) story = { fallbacks, failures };
  }
  return story;
}

const MODE = /\[event-bus\] Stream mode: (\S+)/;
const CANDIDATES = /Stream candidates: (.+)/;
const DLQ_PREFIX = /DLQ subject prefix: (\S+)/;

const lastMatch = (pattern: RegExp, lines: readonly string[]): string | undefined =>
  lines.flatMap((line) => pattern.exec(line)?.[1] ?? []).at(-1);

export const tellMode = (lines: readonly string[]): string | undefined => lastMatch(MODE, lines);
export const tellCandidates = (lines: readonly string[]): string[] | undefined =>
  lastMatch(CANDIDATES, lines)
    ?.split(',')
    .map((name) => name.trim());
export const tellDeadLetterPrefix = (lines: readonly string[]): string | undefined =>
  lastMatch(DLQ_PREFIX, lines);
