import type { Eased } from '../runbook/easedTargets.ts';
import { STEP_IDS, type StepId } from './stepIds.ts';
import type {
  ConsumerConfig,
  LetGoResult,
  MovedConsumer,
  Originals,
  Ownership,
  PausedDurable,
  PreparedGroup,
  Proof,
  ProvenPart,
  SentinelPlace,
  StreamConfig,
  WindowSpec,
} from '@aa-ops/topology';

export { STEP_IDS, type StepId };

export type StepStatus = 'done' | 'already' | 'skipped' | 'failed' | 'pending';

export interface StepRecord {
  id: StepId;
  title: string;
  status: StepStatus;
  ms: number;
  /** When it was last begun. Stored before its first effect: a process that dies in it leaves `pending`, but begun. */
  startedAt?: string;
  /** What a person should know of it, one line. */
  note?: string;
}

/** A group's way through its handover; what a second process needs is here before the effect that it would need it for. */
export interface GroupRecord {
  group: PreparedGroup;
  /** `open`: a window was begun and is not known to be over · `taken`: its memory is stored · `settled`: nothing is left of it. */
  phase: 'planned' | 'copying' | 'open' | 'taken' | 'settled';
  attempt: number;
  spec?: WindowSpec;
  windowMs?: number;
  sentinels?: SentinelPlace[];
  /** Per copy of the group, and then per stream of `spec.kept`. */
  letGo?: LetGoResult[];
  proofs?: Proof[];
  /** Per copy: what was to be copied when it began. */
  originals?: Originals[];
  /** Per copy: what was compared before the handover. */
  proven?: (ProvenPart | null)[];
}

/** The state of one run, rewritten at every step: with the live account, all that a resume on another machine needs. */
export interface RunDocument {
  schemaVersion: 1;
  id: string;
  /** Counts the runs of an environment: clocks of different machines tell no order. Absent in documents of before. */
  number?: number;
  command: 'migrate' | 'rollback' | 'replace' | 'apply';
  environment: string;
  from: string;
  to: string;
  operator: string;
  startedAt: string;
  endedAt?: string;
  /** `open` until it ends; an open run is resumed or rolled back, never overtaken. */
  status: 'open' | 'done' | 'rolled-back' | 'failed';
  /** A failed way forward is being taken back: whoever resumes goes on with that. */
  undoing?: true;
  /** `rollback` was typed while it was open. */
  askedBack?: true;
  /** Why it is not done. */
  reason?: string;
  /** The run that this one turns round. */
  turnsRound?: string;
  /** That one had handed over some of its groups, and others not: the account is between two modes. */
  fromHalfWay?: true;
  /** What a `replace` makes anew. */
  replacing?: Replacing;
  /** What an `apply` has streams hear by other filters. */
  filters?: Ownership;
  options: RunOptions;
  steps: StepRecord[];
  groups: GroupRecord[];
  consumers: MovedConsumer[];
  /** Streams whose duplicate window is at its least while a backlog is copied, and what it was (ns). */
  relaxed: Record<string, number>;
  /** Targets that take more while they copy (duplicate window, largest message), and what these were. */
  eased?: Record<string, Eased>;
  /** Durables of work queues that are paused for this run. */
  paused?: PausedDurable[];
  /** What the checks compare with, taken before anything is changed. */
  baseline?: unknown;
  /** Things that did not stop the run but end it with exit 5: pods that did not get ready on a way back. */
  shortcomings: string[];
}

/** A stream, or one of its durables, that is made anew because the server refuses to change it in place. */
export interface Replacing {
  stream: string;
  /** Absent: the stream itself. */
  durable?: string;
  /** When the one was made that is to go: whoever resumes knows it from the new one. */
  created: string;
  /** As it stood, for whoever has to look it up. */
  before: StreamConfig | ConsumerConfig;
  /** As it will stand; a stream owns nothing at first. `before` once the server has refused another one. */
  config: StreamConfig | ConsumerConfig;
  /** What the stream owns. */
  owned: string[];
  /** It owned nothing and kept everything for a later run already, and goes on with that. */
  kept?: true;
  /** Of the stream: its durables, and where each goes on, in the stand-in's numbers. Of a durable: where it goes on. */
  durables: { config: ConsumerConfig; from: number }[];
  /** Where copies from the stream to others go on, in the stand-in's numbers. */
  starts: { target: string; filters: string[]; seq: number }[];
  /** The stream is about to be deleted, or was: only from here on may another one in its place be this run's own. */
  deleting?: true;
}

export interface RunOptions {
  leaveReaders: boolean;
  orphanSubjects: boolean;
  copy: string;
  /** After a failure behind the release: turn round by itself. */
  autoRollback: boolean;
}

export const newRunId = (): string =>
  `${new Date().toISOString().replace(/[-:]|\.\d+Z$/g, '')}-${Math.random().toString(36).slice(2, 6)}`;

/** The run as it stands at its first step. */
export function newRun(
  fields: Pick<RunDocument, 'command' | 'environment' | 'from' | 'to' | 'operator' | 'options'> & {
    turnsRound?: string;
    fromHalfWay?: true;
    replacing?: Replacing;
    filters?: Ownership;
  },
  steps: readonly Pick<StepRecord, 'id' | 'title'>[],
): RunDocument {
  return {
    schemaVersion: 1,
    id: newRunId(),
    ...fields,
    startedAt: new Date().toISOString(),
    status: 'open',
    steps: steps.map(({ id, title }) => ({ id, title, status: 'pending', ms: 0 })),
    groups: [],
    consumers: [],
    relaxed: {},
    shortcomings: [],
  };
}
