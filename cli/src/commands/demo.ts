import { OpsError } from '@aa-ops/topology';
import type { DemoPlatform } from '../demo/demoPlatform.ts';
import { liveView } from '../demo/liveView.ts';
import { renderReport } from '../demo/renderReport.ts';
import { runDemo } from '../demo/runDemo.ts';
import { plainView, type View } from '../demo/view.ts';
import type { CommandContext, CommandResult } from '../frame/command.ts';
import { loadPaint } from '../render/paint.ts';

export interface DemoArguments {
  /** Messages a second, all publishers together. */
  rate?: number;
  /** Of traffic before, between and behind the changes. */
  seconds?: number;
  /** Leave everything up until Ctrl-C. */
  keep?: boolean;
}

const DEFAULT_RATE = 300;
const MAX_RATE = 5_000;
const DEFAULT_SECONDS = 2;

/** `demo`: ends with 0 where the ledger is clean, with 5 where it is not. */
export async function run(context: CommandContext, args: DemoArguments): Promise<CommandResult> {
  const rate = args.rate ?? DEFAULT_RATE;
  if (rate < 10 || rate > MAX_RATE)
    throw usage(`--rate ${rate} is not between 10 and ${MAX_RATE} messages a second`);
  const seconds = args.seconds ?? DEFAULT_SECONDS;
  const { signal, paint } = context;
  let kept = false;
  const report = await runDemo({
    ratePerSecond: rate,
    quietMs: seconds * 1_000,
    view: await openView(context),
    signal,
    ...(args.keep
      ? {
          onReport: async (ledger, platform) => {
            kept = true;
            if (context.options.output === 'text') say(context, renderReport(ledger, paint));
            await untilInterrupted(context, platform);
          },
        }
      : {}),
  });
  const text = kept && context.options.output === 'text' ? 'everything is down' : renderReport(report, paint);
  return { json: report, text, exitCode: report.result === 'clean' ? 0 : 5 };
}

async function openView({ options, host }: CommandContext): Promise<View> {
  const { stderr, env } = process;
  const drawn =
    stderr.isTTY &&
    options.progress === 'auto' &&
    !options.quiet &&
    !options.verbose &&
    env['TERM'] !== 'dumb';
  if (!drawn) return plainView(host);
  return liveView({
    write: (text) => void stderr.write(text),
    columns: () => stderr.columns || 80,
    paint: await loadPaint({ color: options.color, isTTY: true, env }),
  });
}

async function untilInterrupted(context: CommandContext, { local, dir }: DemoPlatform): Promise<void> {
  const lines = [
    `NATS        ${local.natsUrl}`,
    `PostgreSQL  ${local.databaseUrl}`,
    `front door  ${local.frontDoor}/ingest/hrv`,
    `folder      ${dir}`,
    'everything stays up until Ctrl-C',
  ];
  for (const line of lines) say(context, line);
  if (context.signal.aborted) return;
  await Promise.race([
    new Promise((ended) => context.signal.addEventListener('abort', ended, { once: true })),
    local.stopped,
  ]);
}

/** Not through the host, which hides the database's password: here it is of no worth, and wanted. */
const say = ({ options, host }: CommandContext, message: string): void => {
  if (options.progress === 'ndjson') host.notify({ level: 'info', code: 'demo', message });
  else process.stderr.write(`${message}\n`);
};

const usage = (message: string): OpsError =>
  new OpsError('usage', message, { kind: 'usage', hint: 'aa-ops demo --help' });
