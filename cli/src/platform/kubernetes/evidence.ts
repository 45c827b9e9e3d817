import { messageOf, type Workload } from '@aa-ops/topology';
import type { KubeApi } from './kubeApi.ts';
import { readLog } from './logs.ts';
import { listEvents, listPods } from './objects.ts';
import type { PodProblem } from './podProblem.ts';

const LOG_LINES = 20;
const EVENTS = 5;
const LINE_LENGTH = 300;

/** Why a rollout is stuck: one line for people, and everything else for the report. */
export interface Evidence {
  reason: string;
  details: {
    problem?: string;
    pod?: string;
    log?: string[];
    previousLog?: string[];
    events?: string[];
    unread?: string[];
  };
}

/**
 * The last lines and events of the pod that is stuck, or the events of the Deployment where there is none. What cannot be
 * read is left out and said: the reason itself is known without it.
 */
export async function gatherEvidence(
  api: KubeApi,
  workload: Workload,
  says: string,
  problem: PodProblem | undefined,
): Promise<Evidence> {
  const unread: string[] = [];
  const orNothing = (error: unknown): string[] => {
    unread.push(messageOf(error));
    return [];
  };
  const events = (await listEvents(api, problem?.pod ?? workload.name).catch(orNothing)).slice(-EVENTS);
  let log: string[] = [];
  let previousLog: string[] = [];
  const pod =
    problem &&
    (await listPods(api, workload).catch(() => [])).find(({ metadata }) => metadata?.name === problem.pod);
  if (pod) {
    const container = problem.container;
    log = await readLog(api, pod, { tail: LOG_LINES, container }).catch(orNothing);
    if (problem.hasPrevious)
      previousLog = await readLog(api, pod, { tail: LOG_LINES, container, previous: true }).catch(orNothing);
  }
  const lastLine = (log.at(-1) ?? previousLog.at(-1))?.slice(0, LINE_LENGTH);
  const lastEvent = events.at(-1)?.slice(0, LINE_LENGTH);
  const reason = [
    says,
    lastLine && `its log ends with "${lastLine}"`,
    lastEvent && `last event "${lastEvent}"`,
  ]
    .filter(Boolean)
    .join('; ');
  return {
    reason,
    details: {
      ...(problem ? { problem: problem.reason, pod: problem.pod } : {}),
      ...(log.length > 0 ? { log } : {}),
      ...(previousLog.length > 0 ? { previousLog } : {}),
      ...(events.length > 0 ? { events } : {}),
      ...(unread.length > 0 ? { unread } : {}),
    },
  };
}
