import { OpsError } from '@aa-ops/topology';
import type { CommandContext, CommandResult } from '../frame/command.ts';
import { renderMigrationPlan, renderRun } from '../render/run.ts';
import type { ReadEnvironment } from '../runbook/context.ts';
import { openEnvironment } from '../runbook/environment.ts';
import { assertMode, migrate, nothingToMigrate, planOnly, resume } from '../runbook/migrate.ts';
import type { RunOutcome } from '../runbook/outcome.ts';
import { type RunOptions, STEP_IDS, type StepId } from '../saga/runDocument.ts';

export interface MigrateArguments {
  to?: string;
  dryRun?: boolean;
  pauseBefore?: string;
  resume?: boolean;
  leaveReaders?: boolean;
  orphanSubjects?: boolean;
  copy?: string;
  autoRollback?: boolean;
}

export async function run(context: CommandContext, args: MigrateArguments): Promise<CommandResult> {
  const pauseBefore = parseStep(args.pauseBefore);
  if (args.resume) {
    if (args.to) throw usage('--resume finishes the run that is open: leave --to away');
    const { environment: where, name } = await context.topology();
    // What is open was agreed to; only where the environment asks for more, the name is asked for again.
    if (where.protected) await context.confirm(`Go on with the open run of ${where.name} (${name})?`);
    return inEnvironment(context, (environment) => resume(environment, pauseBefore));
  }
  const to = args.to;
  if (!to) throw usage('--to MODE is missing');
  const options = optionsOf(args);
  if (args.dryRun) return dryRun(context, to, options);
  const topology = await context.topology();
  assertMode(topology, to);
  const unchanged = await withoutAsking(context, (look) => nothingToMigrate(look, to));
  if (unchanged) return unchanged;
  await context.confirm(`Migrate ${topology.environment.name} (${topology.name}) to mode ${to}?`);
  return inEnvironment(context, (environment) =>
    migrate(environment, { to, options, ...(pauseBefore ? { pauseBefore } : {}) }),
  );
}

/** Opens the environment, runs, closes, and turns the outcome into what the frame prints. */
export async function inEnvironment(
  context: CommandContext,
  work: (environment: Awaited<ReturnType<typeof openEnvironment>>) => Promise<RunOutcome>,
): Promise<CommandResult> {
  const environment = await openEnvironment(context);
  try {
    return resultOf(await work(environment));
  } finally {
    await environment.platform.close();
  }
}

const resultOf = (outcome: RunOutcome): CommandResult => ({
  json: outcome.json,
  text: renderRun(outcome),
  exitCode: outcome.exitCode,
});

/** Who has nothing to do needs no leave for it. Where that cannot be told, since no server answers, the question comes first and the error behind it. */
export async function withoutAsking(
  context: CommandContext,
  nothingToDo: (look: ReadEnvironment) => Promise<RunOutcome | undefined>,
): Promise<CommandResult | undefined> {
  try {
    const outcome = await nothingToDo({
      account: await context.reader(),
      topology: await context.topology(),
    });
    return outcome && resultOf(outcome);
  } catch (error) {
    if (error instanceof OpsError && error.kind === 'refused') throw error;
    return undefined;
  }
}

async function dryRun(context: CommandContext, to: string, options: RunOptions): Promise<CommandResult> {
  const topology = await context.topology();
  const { from, plan } = await planOnly({ account: await context.reader(), topology }, { to, options });
  const json = {
    schemaVersion: 1,
    command: 'migrate',
    dryRun: true,
    from,
    to,
    creates: plan.creates,
    handovers: plan.groups.flatMap(({ round, copies }) =>
      copies.map(({ origin, target, filters, startSeq }) => ({
        from: origin,
        to: target,
        subjects: filters,
        startSequence: startSeq,
        round,
      })),
    ),
    copy: plan.size,
    ways: plan.ways,
    findings: plan.findings,
  };
  return { json, text: renderMigrationPlan(from, to, plan) };
}

export const optionsOf = (args: MigrateArguments): RunOptions => ({
  leaveReaders: args.leaveReaders ?? false,
  orphanSubjects: args.orphanSubjects ?? false,
  copy: args.copy ?? 'unacked',
  autoRollback: args.autoRollback ?? false,
});

export function parseStep(text: string | undefined): StepId | undefined {
  if (text === undefined) return undefined;
  const found = STEP_IDS.find((id) => id === text);
  if (!found) throw usage(`--pause-before ${text} is no step: ${STEP_IDS.join(', ')}`);
  return found;
}

const usage = (message: string): OpsError =>
  new OpsError('usage', message, { kind: 'usage', hint: 'aa-ops migrate --help' });
