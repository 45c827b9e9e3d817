import type { Writable } from 'node:stream';

/** Stdout or stderr: writes to the end, and falls silent where nobody reads any more (EPIPE). */
export interface Sink {
  readonly isTTY: boolean;
  /** Resolved once the text is handed to the operating system, or nobody reads it. */
  write(text: string): Promise<void>;
  /** Resolved once everything written so far is out. */
  flush(): Promise<void>;
}

export function openSink(
  stream: Writable & { isTTY?: boolean },
  options: { onClosed?: () => void } = {},
): Sink {
  let closed = false;
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE' && error.code !== 'ERR_STREAM_DESTROYED') throw error;
    if (closed) return;
    closed = true;
    options.onClosed?.();
  });
  // A write callback is called with the error as well, and so always.
  const write = (text: string): Promise<void> =>
    new Promise((resolve) => {
      if (closed) resolve();
      else stream.write(text, () => resolve());
    });
  return { isTTY: stream.isTTY === true, write, flush: () => write('') };
}
