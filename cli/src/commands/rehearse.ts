import { OpsError } from '@aa-ops/topology';
import type { CommandContext, CommandResult } from '../frame/command.ts';
import { liveFindings } from '../rehearse/liveFindings.ts';
import { rehearse } from '../rehearse/rehearse.ts';
import { rehearsalReport } from '../rehearse/report.ts';
import { renderRehearsal } from '../render/rehearsal.ts';
import { type MigrateArguments, optionsOf } from './migrate.ts';

export interface RehearseArguments extends Pick<
  MigrateArguments,
  'leaveReaders' | 'orphanSubjects' | 'copy'
> {
  to: string;
  /** Messages a second on each subject that moves. */
  rate?: number;
  /** In each stream that gives subjects away. */
  messages?: number;
  rounds?: number;
}

const DEFAULT_RATE = 100;
const MAX_RATE = 5_000;
const MOST_MESSAGES = 10_000_000;

/** `rehearse`: 0 where the real migration would begin and the rehearsal was clean, 3 where it would be refused, 5 where it was not clean. */
export async function run(context: CommandContext, args: RehearseArguments): Promise<CommandResult> {
  const { to, messages } = args;
  const rate = within('--rate', args.rate ?? DEFAULT_RATE, 1, MAX_RATE);
  const rounds = within('--rounds', args.rounds ?? 2, 1, 20);
  if (messages !== undefined) within('--messages', messages, 0, MOST_MESSAGES);
  const topology = await context.topology();
  const live = await context.reader();
  const options = optionsOf(args);
  const findings = await liveFindings(live, topology, to, options);
  const { found } = findings;
  const rehearsed =
    found && found.plan.groups.length > 0
      ? await rehearse({
          live,
          topology,
          from: found.from,
          to,
          plan: found.plan,
          options,
          ratePerSecond: rate,
          ...(messages === undefined ? {} : { messages }),
          rounds,
          host: context.host,
          signal: context.signal,
        }).catch((error: unknown) => {
          // The rules of the run itself found something that the plan did not: it would do so live as well.
          if (!(error instanceof OpsError) || error.kind !== 'refused') throw error;
          const { code, message, hint } = error;
          if (findings.refusals.every((one) => one.code !== code))
            findings.refusals.push({ code, message, ...(hint ? { hint } : {}) });
          return undefined;
        })
      : undefined;
  const report = rehearsalReport(to, findings, rehearsed, rate);
  const exitCode = { ready: 0, unchanged: 0, refused: 3, unclean: 5 }[report.result];
  return { json: report, text: renderRehearsal(report), exitCode };
}

function within(option: string, value: number, least: number, most: number): number {
  if (value >= least && value <= most) return value;
  throw new OpsError('usage', `${option} ${value} is not between ${least} and ${most}`, {
    kind: 'usage',
    hint: 'aa-ops rehearse --help',
  });
}
