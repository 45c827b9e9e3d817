import { appendFileSync, chmodSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '@aa-ops/topology';
import { lockFolder } from './lock.ts';
import { endLeftovers } from './leftovers.ts';
import { type LocalState, type PodState, readState, writeState } from './state.ts';

/** What the parts of a running platform share: its folder, its state file, and the way down. */
export interface Supervisor {
  readonly dir: string;
  readonly logs: string;
  readonly state: LocalState;
  /** What an earlier supervisor left in the folder. */
  readonly before: LocalState | undefined;
  /** Where the state's pods come from. */
  readonly podSources: (() => PodState[])[];
  /** Writes the state file. */
  save(): void;
  /** One line to whoever started it and to logs/supervisor.log. */
  say(line: string): void;
  /** What has to be done to take a part down again; done in reverse order. */
  onDown(step: () => Promise<void> | void): void;
  /** Takes everything down, once; goes on when a part fails. */
  stop(): Promise<void>;
  readonly stopped: Promise<void>;
}

/** Takes the folder over: lock, leftovers of a killed predecessor, state. Throws OpsError `platform-running`. */
export async function superviseFolder(dir: string, onProgress: (line: string) => void): Promise<Supervisor> {
  const logs = join(dir, 'logs');
  mkdirSync(logs, { recursive: true, mode: 0o711 });
  // As root, PostgreSQL's account has to pass through it (pass, not look: what is secret in it has mode 600).
  if (process.getuid?.() === 0) chmodSync(dir, statSync(dir).mode | 0o011);
  const { mark, unlock } = lockFolder(dir);
  const before = readState(dir);
  const state: LocalState = {
    schemaVersion: 1,
    status: 'starting',
    supervisor: mark,
    pods: [],
    rollouts: before?.rollouts ?? {},
  };
  const podSources: (() => PodState[])[] = [];
  const steps: (() => Promise<void> | void)[] = [];

  const say = (line: string): void => {
    onProgress(line);
    try {
      appendFileSync(join(logs, 'supervisor.log'), `${new Date().toISOString()} ${line}\n`);
    } catch {
      // A full disk is no reason to let the pods go.
    }
  };
  const save = (): void => {
    state.pods = podSources.flatMap((pods) => pods());
    try {
      writeState(dir, state);
    } catch (error) {
      say(`cannot write the state: ${messageOf(error)}`);
    }
  };

  let tellStopped = (): void => {};
  const stopped = new Promise<void>((tell) => (tellStopped = tell));
  const takeDown = async (): Promise<void> => {
    state.status = 'stopping';
    save();
    for (let step = steps.pop(); step; step = steps.pop()) {
      try {
        await step();
      } catch (error) {
        say(`on the way down: ${messageOf(error)}`);
      }
    }
    state.status = 'down';
    podSources.length = 0;
    delete state.control;
    delete state.nats?.process;
    delete state.postgres?.process;
    save();
    unlock();
    tellStopped();
  };
  let goingDown: Promise<void> | undefined;

  if (before) await endLeftovers(before);
  save();
  return {
    dir,
    logs,
    state,
    before,
    podSources,
    save,
    say,
    onDown: (step) => void steps.push(step),
    stop: () => (goingDown ??= takeDown()),
    stopped,
  };
}
