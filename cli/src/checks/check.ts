import type { Host, JetStreamReader, Topology } from '@aa-ops/topology';
import type { Platform } from '../platform/platform.ts';

/** `green` as it should be · `yellow` look at it · `red` the runbook says: roll back, or do not begin. */
export type Level = 'green' | 'yellow' | 'red';

/** What a check came to. */
export interface Finding {
  level: Level;
  /** What was seen, with numbers; lower case, no full stop. */
  evidence: string;
  /** The command to type, or the thing to change, that leads on; only where it is not green. */
  next?: string;
  /** There was nothing to look at: it is green, and proves nothing. */
  skipped?: true;
}

export interface CheckResult extends Finding {
  id: string;
  title: string;
}

/** How things stood before anything was changed; JSON-safe, since a run keeps it. */
export interface Baseline {
  /** RFC 3339 */
  at: string;
  deadLetters: number;
  streams: Record<string, { messages: number; lastSeq: number }>;
}

/** What checks look at, and what they expect to find. They change nothing but send one test event. */
export interface CheckContext {
  topology: Topology;
  /** The mode that pods and durables are expected in. */
  mode: string;
  account: JetStreamReader;
  platform: Platform;
  signal: AbortSignal;
  host: Host;
  /** From before the change; absent: no run is looked at. */
  baseline?: Baseline;
  /** The mode whose streams own the subjects: the old one until the handover. */
  ownedIn: string;
  /** ms that a check waits for what it looks for. */
  timeoutMs: number;
  /** User of the test event; default `<environment>-e2e-test`. */
  testUser?: string;
  /** False: no test event is sent, and checks that need one only look. */
  sendsEvent?: boolean;
}

/** One line of the runbook's lists as a value: any command can run it. */
export interface Check {
  /** Stable, kebab-case. */
  readonly id: string;
  readonly title: string;
  /** The section of the operations runbook (docs/runbook.md) that it stands for. */
  readonly runbook: string;
  run(context: CheckContext): Promise<Finding>;
}

export const green = (evidence: string): Finding => ({ level: 'green', evidence });
export const yellow = (evidence: string, next: string): Finding => ({ level: 'yellow', evidence, next });
export const red = (evidence: string, next: string): Finding => ({ level: 'red', evidence, next });
/** There is nothing here that the check is about. */
export const skipped = (why: string): Finding => ({ ...green(`skipped: ${why}`), skipped: true });

/** Red before the handover, where nothing is lost by not going on; else what the runbook says. */
export const isBeforeHandover = ({ mode, ownedIn }: Pick<CheckContext, 'mode' | 'ownedIn'>): boolean =>
  mode !== ownedIn;
