import { loadPaint, plainPaint, type Paint } from '../render/paint.ts';
import { escapeRest } from '../render/clean.ts';
import { catalog } from './catalog.ts';
import type { CommandResult } from './command.ts';
import { openContext } from './context.ts';
import { type Document, type Documents, openDocuments } from './documents.ts';
import { EXIT_CODES } from './exitCodes.ts';
import { explainFailure, type Failure } from './failure.ts';
import { type EarlyOptions, readEarly } from './globalOptions.ts';
import { openSink, type Sink } from './output.ts';
import { type Parsed, parseLine } from './parseLine.ts';
import { openProgress } from './progress.ts';
import { abortOnSignals } from './signals.ts';
import { canSpin, openSpinner } from './spinner.ts';

type Run = Extract<Parsed, { kind: 'run' }>;

/** Runs one command line (without node and script) and ends the process with its exit code. */
export async function main(argv: readonly string[], version: string): Promise<void> {
  let early: EarlyOptions = readEarly(argv);
  const closed = new AbortController();
  const stdout = openSink(process.stdout, { onClosed: () => closed.abort() });
  const stderr = openSink(process.stderr, { isDispensable: true });
  const documents = openDocuments(stdout);
  const paintErr = await loadPaint({ color: early.color, isTTY: stderr.isTTY, env: process.env });
  const interrupted = abortOnSignals(() => {
    if (stderr.isTTY) void stderr.write('\ninterrupted: ending in good order, once more to end at once\n');
  });

  let ending: Promise<void> | undefined;
  const end = (code: number): Promise<void> =>
    (ending ??= (async () => {
      await Promise.all([stdout.flush(), stderr.flush()]);
      process.exit(code);
    })());
  const report = async (error: unknown): Promise<void> => {
    const failure = explainFailure(error, { verbose: early.verbose, paint: paintErr, signal: interrupted });
    // Where it cannot be written there, stderr still says it, and what the command ended with counts.
    if (early.output !== 'text') await documents.end(early.output, failure).catch(() => {});
    await stderr.write(early.progress === 'ndjson' ? errorEvent(failure) : `${failure.text}\n`);
    await end(failure.exitCode);
  };
  // Only the first error is reported: what comes while it is has nothing to add, and one of the reporting must not start it again.
  let failing: Promise<void> | undefined;
  const fail = (error: unknown): Promise<void> =>
    (failing ??= report(error).catch(() => end(EXIT_CODES.failed)));
  process.on('uncaughtException', (error) => void fail(error));
  process.on('unhandledRejection', (error) => void fail(error));

  try {
    const paint = await loadPaint({ color: early.color, isTTY: stdout.isTTY, env: process.env });
    const parsed = await parseLine(argv, {
      catalog,
      version,
      paint: early.output === 'text' ? paint : plainPaint,
    });
    if (parsed.kind === 'print') {
      await documents.end(early.output, asDocument(parsed));
      return await end(0);
    }
    early = parsed.options;
    const result = await runCommand(parsed, {
      paint,
      paintErr,
      documents,
      stderr,
      interrupted,
      closed: closed.signal,
    });
    await documents.end(parsed.options.output, result);
    await end(result.exitCode ?? 0);
  } catch (error) {
    await fail(error);
  }
}

/** The last line of an NDJSON stream, shaped as the notices before it. */
const errorEvent = ({ json: { error } }: Failure): string => {
  const { code, message, hint } = error;
  return `${escapeRest(JSON.stringify({ at: new Date().toISOString(), level: 'error', code, message, hint }))}\n`;
};

const asDocument = ({ what, text }: Extract<Parsed, { kind: 'print' }>): Document => ({
  json: { schemaVersion: 1, [what]: text.trimEnd() },
  text,
});

interface Surroundings {
  paint: Paint;
  paintErr: Paint;
  documents: Documents;
  stderr: Sink;
  interrupted: AbortSignal;
  /** Nobody reads stdout any more. */
  closed: AbortSignal;
}

async function runCommand({ spec, options, args }: Run, around: Surroundings): Promise<CommandResult> {
  const write = (line: string): void => void around.stderr.write(line);
  const host = openProgress({
    ...options,
    isTTY: around.stderr.isTTY && canSpin(process.stderr, process.env),
    paint: around.paintErr,
    write,
    openSpinner: () => openSpinner(write),
  });
  const { context, close } = openContext({
    options,
    host,
    signal: around.interrupted,
    paint: around.paint,
    show: (document) => around.documents.show(options.output, document),
  });
  try {
    const run = await spec.load?.();
    if (!run) throw new Error(`the command ${spec.name} has no module`);
    const running = run(context, args);
    return await (spec.readOnly ? untilAborted(running, around) : running);
  } finally {
    host.pause();
    await close();
  }
}

/** What changes nothing need not end in good order: not after a signal, and not for a reader that went away. */
async function untilAborted(
  running: Promise<CommandResult>,
  { interrupted, closed }: Surroundings,
): Promise<CommandResult> {
  running.catch(() => {});
  return new Promise((resolve, reject) => {
    interrupted.addEventListener('abort', () => reject(interrupted.reason as Error), { once: true });
    closed.addEventListener('abort', () => resolve({ json: null, text: '' }), { once: true });
    running.then(resolve, reject);
  });
}
