import type { Host } from '../host.ts';
import type { JetStreamWriter } from '../jetstream/index.ts';

/** Which subjects each stream hears; a stream that is absent or hears only its placeholder owns nothing. */
export type Ownership = Readonly<Record<string, readonly string[]>>;

/** One stream's part in a handover. */
export interface StreamRole {
  stream: string;
  /** What it hears before. */
  owned: string[];
  /** What stays with it: the intersection of before and after. In the window it hears of that only what its filters say word for word both times. */
  kept: string[];
  /** What it hears at the end; empty: nothing, the placeholder. */
  final: string[];
}

/** Messages of these subjects go from `origin` to `target`: the intersection of what one loses and the other gains. */
export interface CopyRole {
  origin: string;
  target: string;
  filters: string[];
}

/** Streams that change subjects among themselves: released together, taken together, in one window. */
export interface HandoverGroup {
  id: string;
  /** From 1. A round's copies begin when those of the round before are over and their sources gone. */
  round: number;
  streams: StreamRole[];
  /** Empty where subjects only gain or lose an owner, so that nothing has to be copied. */
  copies: CopyRole[];
}

/** Where a copy begins, and what makes its source new to the server. Fixed before the source is made; never changed after. */
export interface Copy extends CopyRole {
  /** `_aa-ops.epoch.<run>.<origin>.<round>-<n>`: new in each run, else the server would ignore `opt_start_seq`. */
  epoch: string;
  /** Sequence in the origin of the first message to copy. */
  startSeq: number;
  /** The target's next sequence when the copy was planned: its copies of this pair lie at or behind it. */
  targetFromSeq: number;
  /** The target held some of it once, and may still remember its message ids. */
  again?: true;
}

/** A group whose copies have a start: what the journal keeps of it. */
export interface PreparedGroup extends Omit<HandoverGroup, 'copies'> {
  copies: Copy[];
}

/** What became of a stream's numbers when it was made anew: runs that kept their distance, in order. What lies between them has gone. */
export type Renumbering = [oldFirst: number, newFirst: number, count: number][];

/** A contiguous part of the target that holds one origin's copies, in order. Both ends inclusive. */
export interface CopiedBlock {
  origin: string;
  target: string;
  filters: string[];
  originSeqs: [first: number, last: number];
  targetSeqs: [first: number, last: number];
  /** The origin was made anew since, so many times: `originSeqs` are its numbers of now, and copies name the first ones. */
  renumbered?: Renumbering[];
}

/** The next copy of these subjects from origin to target has to begin here: everything before it is in the target already. */
export interface NextStart {
  origin: string;
  target: string;
  filters: string[];
  seq: number;
}

/** What has to be remembered between handovers, per pair and never per stream. */
export interface PairMemory {
  nextStarts: NextStart[];
  blocks: CopiedBlock[];
  /** When each stream was made that these are about: made anew, it has other numbers. */
  created?: Record<string, string>;
}

export const emptyMemory = (): PairMemory => ({ nextStarts: [], blocks: [] });

/** Records what is about to happen before it happens, and that it did; and keeps out a process that lost the lease. */
export interface EffectJournal {
  /** Writes `started`, checks the lease, runs, writes `done`. */
  effect<T>(name: string, data: Record<string, unknown>, run: () => Promise<T>): Promise<T>;
}

/** What every phase of a handover works with. */
export interface HandoverContext {
  account: JetStreamWriter;
  host: Host;
  journal: EffectJournal;
  /** Aborts between effects, never inside a window. */
  signal: AbortSignal;
}
