import type { Host, Notice } from '@aa-ops/topology';
import { clean, escapeRest } from '../render/clean.ts';
import type { Paint } from '../render/paint.ts';
import { redact, redactDeep } from './redact.ts';
import type { Spinner } from './spinner.ts';

/** A host that shows what it hears on stderr. */
export interface ProgressHost extends Host {
  /** Takes the spinner off the screen, so that something else may be written; the next notice brings it back. */
  pause(): void;
}

export interface ProgressWishes {
  /** `auto`: a spinner on a terminal, plain lines elsewhere. */
  progress: 'auto' | 'plain' | 'ndjson';
  quiet: boolean;
  verbose: boolean;
  isTTY: boolean;
  paint: Paint;
  write(line: string): void;
  openSpinner(): Spinner;
}

/** Warnings are always shown, `info` unless --quiet, `debug` with --verbose. */
export function openProgress(wishes: ProgressWishes): ProgressHost {
  const { quiet, verbose } = wishes;
  const wanted = ({ level }: Notice): boolean =>
    level === 'warn' || (level === 'info' ? !quiet : verbose && !quiet);
  const show = wishes.progress === 'ndjson' ? ndjson(wishes) : undefined;
  if (show) return { notify: (notice) => wanted(notice) && show(notice), pause: () => {} };
  const line = ({ level, message }: Notice): string => {
    const text = clean(redact(message));
    if (level === 'warn') return `${wishes.paint.yellow('warning:')} ${text}`;
    return level === 'debug' ? wishes.paint.dim(text) : text;
  };
  if (wishes.progress === 'plain' || !wishes.isTTY)
    return { notify: (notice) => wanted(notice) && wishes.write(`${line(notice)}\n`), pause: () => {} };
  const spinner = wishes.openSpinner();
  return {
    notify: (notice) => {
      if (!wanted(notice)) return;
      if (PASSING.has(notice.code)) return spinner.spin(line(notice));
      if (notice.code === STEP_DONE) spinner.stop();
      spinner.print(line(notice));
    },
    pause: () => spinner.stop(),
  };
}

/** Notices that only tell what is going on right now (of the runbook's steps and of a copy): on a terminal they do not stay. */
const PASSING: ReadonlySet<string> = new Set(['step-started', 'catch-up']);
const STEP_DONE = 'step-done';

const ndjson =
  ({ write }: ProgressWishes) =>
  ({ level, code, message, data }: Notice): void => {
    const event = { at: new Date().toISOString(), level, code, message: redact(message) };
    const line = JSON.stringify(data === undefined ? event : { ...event, data: redactDeep(data) });
    write(`${escapeRest(line)}\n`);
  };
