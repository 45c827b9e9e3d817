import type { Writable } from 'node:stream';
import { messageOf, OpsError } from '@aa-ops/topology';

/** Stdout or stderr: writes to the end, and falls silent where nobody reads any more (EPIPE). */
export interface Sink {
  readonly isTTY: boolean;
  /**
   * Resolved once the text is handed to the operating system, or nobody reads it. Throws OpsError `output-lost` where it cannot be written
   * for another reason, once; what comes behind that is dropped.
   */
  write(text: string): Promise<void>;
  /** Resolved once everything written so far is out. */
  flush(): Promise<void>;
}

export interface SinkOptions {
  onClosed?: () => void;
  /** Falls silent whatever the reason is: a run is not ended because its progress cannot be written. */
  isDispensable?: boolean;
}

/** What a stream fails with where nobody reads it any more. */
const UNREAD: ReadonlySet<string | undefined> = new Set(['EPIPE', 'ERR_STREAM_DESTROYED']);

export function openSink(stream: Writable & { isTTY?: boolean }, options: SinkOptions = {}): Sink {
  let closed = false;
  const close = (): void => {
    if (closed) return;
    closed = true;
    options.onClosed?.();
  };
  /** The loss, where this is one that has to be told. */
  const lossOf = (error: NodeJS.ErrnoException): OpsError | undefined => {
    if (UNREAD.has(error.code) || options.isDispensable) {
      close();
      return undefined;
    }
    const isFirst = !closed;
    closed = true; // nobody went away: who waits for the reader does not learn of it
    return isFirst ? outputLost(error) : undefined;
  };
  // The write that it belongs to tells of it; without a listener it would end the process.
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (UNREAD.has(error.code)) close();
  });
  const write = (text: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const settle = (error?: Error | null): void => {
        const loss = error ? lossOf(error) : undefined;
        if (loss) reject(loss);
        else resolve();
      };
      if (closed) return resolve();
      try {
        stream.write(text, settle);
      } catch (error) {
        settle(error as Error); // Node 20 writes to a file at once, and throws
      }
    });
  return { isTTY: stream.isTTY === true, write, flush: () => write('') };
}

const outputLost = (error: Error): OpsError =>
  new OpsError('output-lost', `the result cannot be written to stdout: ${messageOf(error)}`, {
    hint: 'make room, or send stdout elsewhere; what the command was to do is done: aa-ops status',
    cause: error,
  });
