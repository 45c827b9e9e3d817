import type {
  ConnectSettings,
  EffectJournal,
  HandoverContext,
  Host,
  JetStreamReader,
  JetStreamWriter,
  Ownership,
  Topology,
  WindowBounds,
} from '@aa-ops/topology';
import type { Platform } from '../platform/platform.ts';
import type { Lease } from '../saga/lease.ts';
import type { RunDocument } from '../saga/runDocument.ts';
import type { StateStore } from '../saga/stateStore.ts';

export interface RunTimeouts {
  /** ms for one copy to catch up. */
  catchUpMs: number;
  /** ms for one workload's rolling restart; a way back waits no longer than `wayBackRolloutMs`. */
  rolloutMs: number;
  wayBackRolloutMs: number;
  /** ms that the checks wait for what they look for. */
  checksMs: number;
}

export const DEFAULT_TIMEOUTS: RunTimeouts = {
  catchUpMs: 30 * 60_000,
  rolloutMs: 5 * 60_000,
  wayBackRolloutMs: 60_000,
  checksMs: 30_000,
};

/** Where things are and who is told; the same for every run of a command. */
export interface RunEnvironment {
  topology: Topology;
  settings: ConnectSettings;
  account: JetStreamWriter;
  platform: Platform;
  host: Host;
  signal: AbortSignal;
  /** Folder of backups and reports; one folder a run in it. */
  runsDir: string;
  timeouts: RunTimeouts;
  /** Other bounds of the windows than the engine's own. */
  windowBounds?: WindowBounds;
}

/** An account that is only looked at. */
export interface ReadEnvironment {
  account: JetStreamReader;
  topology: Topology;
}

/** What a step works with: the environment, and the one run that is open. */
export interface RunContext extends RunEnvironment {
  store: StateStore;
  lease: Lease;
  journal: EffectJournal;
  run: RunDocument;
  /** Stores the run as it is now; called before an effect that needs it, and after each step. */
  save(): Promise<void>;
}

/** The engine's view of a run. */
export const handoverContext = ({ account, host, journal, signal }: RunContext): HandoverContext => ({
  account,
  host,
  journal,
  signal,
});

/** A way back is more forgiving: it goes on where a way forward would stop. */
export const isWayBack = ({ run }: Pick<RunContext, 'run'>): boolean => run.command === 'rollback';

/** Who owns what in a mode, as the topology has it. */
export const ownershipIn = (topology: Topology, mode: string): Ownership => topology.modes[mode]!.subjects;

/** Who owns what right now: only the topology's own streams, as live. */
export async function liveOwnership(account: JetStreamReader, topology: Topology): Promise<Ownership> {
  const entries = await Promise.all(
    Object.keys(topology.streams).map(async (name) => {
      const info = await account.stream(name);
      return info ? ([[name, info.config.subjects]] as const) : [];
    }),
  );
  return Object.fromEntries(entries.flat());
}
