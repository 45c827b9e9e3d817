import type { Ora } from 'ora';

/** One moving line at the bottom of a terminal; what is printed meanwhile stands above it. */
export interface Spinner {
  /** What is going on; it takes the place of the last such text. */
  spin(text: string): void;
  /** A line that stays. */
  print(line: string): void;
  /** It is over, or something else wants the terminal. */
  stop(): void;
}

/** Whether a line can be drawn over: on a terminal without width (some pseudo terminals have 0 columns) ora 9 erases lines for ever. */
export const canSpin = (stream: { columns?: number }, env: NodeJS.ProcessEnv): boolean =>
  (stream.columns ?? 0) > 0 && env['TERM'] !== 'dumb';

/** Ora is loaded with the first text that spins; until it is there, nothing does. */
export function openSpinner(write: (line: string) => void): Spinner {
  let ora: Ora | undefined;
  let loading: Promise<void> | undefined;
  let text: string | undefined;

  const show = (): void => {
    if (!ora || text === undefined) return;
    ora.text = text;
    if (!ora.isSpinning) ora.start();
  };
  const load = async (): Promise<void> => {
    const { default: makeOra } = await import('ora');
    // Raw mode would take Ctrl-C away from us.
    ora = makeOra({ stream: process.stderr, discardStdin: false });
    show();
  };
  return {
    spin(next) {
      text = next;
      show();
      loading ??= load();
    },
    print(line) {
      ora?.stop();
      write(`${line}\n`);
      show();
    },
    stop() {
      ora?.stop();
      text = undefined;
    },
  };
}
