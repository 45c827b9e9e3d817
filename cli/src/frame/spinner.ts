import type { Ora } from 'ora';

/** One moving line at the bottom of a terminal. */
export interface Spinner {
  /** Another text of the same code replaces the line; one of another code leaves the last as it was, above. */
  step(code: string, text: string): void;
  /** A line that stays. */
  print(line: string): void;
  pause(): void;
}

/** Ora is loaded with the first step; until it is there, lines are written as they come. */
export function openSpinner(write: (line: string) => void): Spinner {
  let ora: Ora | undefined;
  let loading: Promise<void> | undefined;
  let current: { code: string; text: string } | undefined;
  let shown = false;

  const hide = (): void => {
    if (shown) ora?.stop();
    shown = false;
  };
  const show = (): void => {
    if (!ora || !current) return;
    ora.text = current.text;
    if (!shown) ora.start();
    shown = true;
  };
  const keep = (): void => {
    hide();
    if (current) write(`${current.text}\n`);
    current = undefined;
  };
  const load = (): Promise<void> =>
    import('ora').then(({ default: makeOra }) => {
      // Raw mode would take Ctrl-C away from us.
      ora = makeOra({ stream: process.stderr, discardStdin: false });
      show();
    });
  return {
    step(code, text) {
      if (current && current.code !== code) keep();
      current = { code, text };
      show();
      loading ??= load();
    },
    print(line) {
      hide();
      write(`${line}\n`);
      show();
    },
    pause: keep,
  };
}
