import type { ConnectSettings, JetStreamReader, JetStreamWriter, Topology } from '@aa-ops/topology';
import type { Paint } from '../render/paint.ts';
import { cleanLines } from '../render/clean.ts';
import type { CommandContext, GlobalOptions } from './command.ts';
import { confirm } from './confirm.ts';
import { explainFailure } from './failure.ts';
import type { ProgressHost } from './progress.ts';
import { readSettings } from './settings.ts';

export interface ContextParts {
  options: GlobalOptions;
  host: ProgressHost;
  signal: AbortSignal;
  paint: Paint;
  show: CommandContext['show'];
}

/** ms that a connection may take to say goodbye. */
const CLOSE_MS = 1_000;

/** A command's context, and what closes everything that was opened through it. */
export function openContext(parts: ContextParts): { context: CommandContext; close(): Promise<void> } {
  const { options, host, signal, paint, show } = parts;
  const opened: Promise<JetStreamReader>[] = [];
  const open = <T extends JetStreamReader>(
    connect: (settings: ConnectSettings) => Promise<T>,
  ): Promise<T> => {
    const opening = settings().then((found) => {
      signal.throwIfAborted();
      return connect(found);
    });
    opened.push(opening);
    return orAborted(opening, signal);
  };

  const topology = once(async (): Promise<Topology> => {
    const { loadTopology } = await import('./topologyFile.ts');
    return loadTopology(options.topology, options.env);
  });
  const settings = once(() => readSettings({ options, env: process.env, host, topology }));
  const reader = once(async () => open((await import('./account.ts')).openReader));
  const unasked = once(async () => open((await import('./account.ts')).openUnasked));
  const writer = once(async (): Promise<JetStreamWriter> => open((await import('./account.ts')).openWriter));

  const context: CommandContext = {
    options,
    host,
    signal,
    paint,
    topology,
    settings,
    reader,
    unasked,
    writer,
    show,
    explain: (error) => explainFailure(error, { verbose: options.verbose, paint, signal }),
    async confirm(question) {
      const { environment } = await topology();
      host.pause();
      await confirm({
        question: cleanLines(question),
        environment,
        yes: options.yes,
        confirmed: options.confirm,
        interactive: process.stdin.isTTY === true && process.stderr.isTTY === true,
        input: process.stdin,
        output: process.stderr,
        signal,
      });
    },
  };
  const close = async (): Promise<void> => {
    await Promise.all(opened.map(async (opening) => (await opening.catch(() => undefined))?.close()));
  };
  return {
    context,
    close: () =>
      atMost(
        CLOSE_MS,
        close().catch(() => {}),
      ),
  };
}

/** The first call's promise for every call. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}

/** Nothing is done yet while a connection is being opened: a signal need not wait for it. */
function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

function atMost(ms: number, work: Promise<void>): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    void work.then(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
