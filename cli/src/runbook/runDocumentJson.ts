import type { OpsError, Proof } from '@aa-ops/topology';
import type { GroupRecord, RunDocument } from '../saga/runDocument.ts';

export type RunResult = 'done' | 'unchanged' | 'partial' | 'failed' | 'rolled-back';

/** The JSON of `migrate`, `migrate --resume` and `rollback`. */
export interface RunJson {
  schemaVersion: 1;
  /** Null where there was nothing to do. */
  run: string | null;
  command: RunDocument['command'];
  from: string;
  to: string;
  result: RunResult;
  steps: RunDocument['steps'];
  handovers: HandoverJson[];
  filters: FilterJson[];
  consumers: RunDocument['consumers'];
  /** What did not come out as it should, without stopping the run. */
  shortcomings: string[];
  pausedBefore?: string;
  /** What to type where it is paused. */
  next?: string;
  error?: ErrorJson;
  /** Path of the report. */
  report?: string;
}

interface ErrorJson {
  code: string;
  message: string;
  hint: string | undefined;
  details: Record<string, unknown> | undefined;
}

export interface WindowJson {
  windowMs: number;
  held: number;
  republished: number;
  alreadyStored: number;
  state: GroupRecord['phase'];
}

export interface HandoverJson extends WindowJson {
  from: string;
  to: string;
  subjects: string[];
  /** Messages brought over by the copy, compared one by one. */
  copied: number;
  /** From 1: copies that would be a cycle to the server come one round after the other. */
  round: number;
  proof?: Proof;
}

/** Subjects that a stream hears by another filter afterwards; nothing is copied for it. */
export interface FilterJson extends WindowJson {
  stream: string;
  subjects: string[];
}

export interface RunJsonExtra {
  report?: string;
  error?: OpsError;
  pausedBefore?: string;
  next?: string;
}

export function runJson(run: RunDocument, result: RunResult, extra: RunJsonExtra = {}): RunJson {
  return {
    schemaVersion: 1,
    run: run.id,
    command: run.command,
    from: run.from,
    to: run.to,
    result,
    steps: run.steps,
    handovers: handoversOf(run),
    filters: filtersOf(run),
    consumers: run.consumers,
    shortcomings: run.shortcomings,
    ...(extra.pausedBefore === undefined ? {} : { pausedBefore: extra.pausedBefore }),
    ...(extra.next === undefined ? {} : { next: extra.next }),
    ...(extra.error === undefined ? {} : { error: errorJson(extra.error) }),
    ...(extra.report === undefined ? {} : { report: extra.report }),
  };
}

const errorJson = ({ code, message, hint, details }: OpsError): ErrorJson => ({
  code,
  message,
  hint,
  details,
});

/** One entry a copy; the copies of a group share one window. */
export const handoversOf = (run: RunDocument): HandoverJson[] =>
  run.groups.flatMap((record) =>
    record.group.copies.map((copy, index) => {
      const proof = record.proofs?.[index];
      return {
        from: copy.origin,
        to: copy.target,
        subjects: copy.filters,
        copied: proof?.messages ?? 0,
        ...windowOf(record, index),
        round: record.group.round,
        ...(proof ? { proof } : {}),
      };
    }),
  );

/** What stays with its stream goes through the group's window as well, behind the copies in `letGo`. */
export const filtersOf = (run: RunDocument): FilterJson[] =>
  run.groups.flatMap((record) =>
    (record.spec?.kept ?? []).map(({ stream, filters }, index) => ({
      stream,
      subjects: filters,
      ...windowOf(record, record.group.copies.length + index),
    })),
  );

function windowOf({ windowMs, letGo, phase }: GroupRecord, index: number): WindowJson {
  const held = letGo?.[index];
  return {
    windowMs: windowMs ?? 0,
    held: held?.held ?? 0,
    republished: held?.republished ?? 0,
    alreadyStored: held?.alreadyStored ?? 0,
    state: phase,
  };
}

/** What a command says when there was nothing for it to do. */
export const unchangedJson = (command: 'migrate' | 'rollback', mode: string): RunJson => ({
  schemaVersion: 1,
  run: null,
  command,
  from: mode,
  to: mode,
  result: 'unchanged',
  steps: [],
  handovers: [],
  filters: [],
  consumers: [],
  shortcomings: [],
});
