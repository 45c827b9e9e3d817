import type { OpsError, Proof } from '@aa-ops/topology';
import type { GroupRecord, RunDocument } from '../saga/runDocument.ts';

export type RunResult = 'done' | 'unchanged' | 'partial' | 'failed' | 'rolled-back';

/** The JSON of `migrate`, `migrate --resume` and `rollback` (contract.md). */
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
  consumers: RunDocument['consumers'];
  /** What did not come out as it should, without stopping the run. */
  shortcomings: string[];
  pausedBefore?: string;
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

export interface HandoverJson {
  from: string;
  /** The same as `from`: the stream hears these subjects by another filter. */
  to: string;
  subjects: string[];
  /** Messages brought over by the copy, compared one by one. */
  copied: number;
  windowMs: number;
  held: number;
  republished: number;
  alreadyStored: number;
  /** From 1: copies that would be a cycle to the server come one round after the other. */
  round: number;
  state: GroupRecord['phase'];
  proof?: Proof;
}

export interface RunJsonExtra {
  report?: string;
  error?: OpsError;
  pausedBefore?: string;
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
    consumers: run.consumers,
    shortcomings: run.shortcomings,
    ...(extra.pausedBefore === undefined ? {} : { pausedBefore: extra.pausedBefore }),
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

/** What goes through a group's window: its copies, and then what stays with its stream and is heard by other filters. In the order of `letGo`. */
export const partsOf = ({
  group,
  spec,
}: Pick<GroupRecord, 'group' | 'spec'>): Pick<HandoverJson, 'from' | 'to' | 'subjects'>[] => [
  ...group.copies.map(({ origin, target, filters }) => ({ from: origin, to: target, subjects: filters })),
  ...(spec?.kept ?? []).map(({ stream, filters }) => ({ from: stream, to: stream, subjects: filters })),
];

/** The parts of a group share one window. */
function handoversOf(run: RunDocument): HandoverJson[] {
  return run.groups.flatMap((record) =>
    partsOf(record).map((part, index) => {
      const held = record.letGo?.[index];
      const proof = record.proofs?.[index];
      return {
        ...part,
        copied: proof?.messages ?? 0,
        windowMs: record.windowMs ?? 0,
        held: held?.held ?? 0,
        republished: held?.republished ?? 0,
        alreadyStored: held?.alreadyStored ?? 0,
        round: record.group.round,
        state: record.phase,
        ...(proof ? { proof } : {}),
      };
    }),
  );
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
  consumers: [],
  shortcomings: [],
});
