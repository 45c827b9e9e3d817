import { join } from 'node:path';
import type { Workload } from '@aa-ops/topology';
import { readConfigMap } from './configMap.ts';
import { type FrontDoor, openFrontDoor } from './frontDoor.ts';
import { startPod } from './pod.ts';
import { onPort, type PortWish } from './ports.ts';
import type { Program } from './programs.ts';
import { type PodSet, podSet } from './rollout.ts';
import type { Supervisor } from './supervisor.ts';

export interface PodsOptions {
  workloads: Workload[];
  replicas: number;
  program(role: Workload['role']): Program;
  /** Where the servers are, and what else all pods get beside the ConfigMap. */
  environment: Record<string, string>;
  frontDoor: PortWish;
}

const DRAIN_MS = 10_000;

/** Starts the pods of all workloads in order, and the door before the producers. Does not wait for them to be ready. */
export async function startPods(
  supervisor: Supervisor,
  options: PodsOptions,
): Promise<{ sets: PodSet[]; door: FrontDoor }> {
  const { state, save, onDown, before, dir, logs, podSources } = supervisor;
  const programs = options.workloads.map(({ role }) => options.program(role));
  const producers: PodSet[] = [];
  const door = await onPort(options.frontDoor, before?.frontDoor?.port, (port) =>
    openFrontDoor(port, () =>
      producers
        .flatMap((set) => set.pods())
        .map((pod) => ({ name: pod.name, address: () => (pod.ready ? pod.state().url : undefined) })),
    ),
  );
  state.frontDoor = { url: door.url, port: door.port };
  const sets = options.workloads.map(({ name: workload, role }, index): PodSet => {
    const program = programs[index]!;
    const set = podSet({
      workload,
      replicas: options.replicas,
      history: (state.rollouts[workload] ??= { revision: 1, done: [] }),
      newPod: (revision, replica) => {
        const name = `${workload}-r${revision}-${replica}`;
        const environment = (): Record<string, string> => ({ ...readConfigMap(dir), ...options.environment });
        const logFile = join(logs, `${name}.log`);
        return startPod({ name, workload, revision, program, environment, logFile }, save);
      },
      drain: (pod) => door.drain(pod.name, DRAIN_MS),
      changed: save,
    });
    podSources.push(() => set.pods().map((pod) => pod.state()));
    onDown(() => set.end());
    if (role === 'producer') producers.push(set);
    set.start();
    return set;
  });
  onDown(() => door.close()); // after the pods in this list, before them on the way down
  return { sets, door };
}
