import type { OpsError } from '@aa-ops/topology';
import type { RunDocument } from '../saga/runDocument.ts';
import {
  type RunJson,
  runJson,
  type RunJsonExtra,
  type RunResult,
  unchangedJson,
} from './runDocumentJson.ts';

/** How a run command ended, for scripts and for the exit code. */
export interface RunOutcome {
  json: RunJson;
  exitCode: number;
  /** Why it is not done, where it is not. */
  error?: OpsError;
}

/** The exit code of a run, as README.md has them under "Commands". */
const EXIT: Record<RunResult, number> = { done: 0, unchanged: 0, 'rolled-back': 1, failed: 1, partial: 4 };

export function outcomeOf(run: RunDocument, result: RunResult, extra: RunJsonExtra = {}): RunOutcome {
  const red = result === 'done' && run.shortcomings.length > 0;
  return {
    json: runJson(run, result, extra),
    exitCode: red ? 5 : EXIT[result],
    ...(extra.error ? { error: extra.error } : {}),
  };
}

export const unchanged = (command: 'migrate' | 'rollback', mode: string): RunOutcome => ({
  json: unchangedJson(command, mode),
  exitCode: 0,
});
