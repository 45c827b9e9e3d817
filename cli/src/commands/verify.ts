import { OpsError } from '@aa-ops/topology';
import { absentAccount, absentPlatform } from '../checks/absent.ts';
import { type ExpectedModes, expectedModes } from '../checks/expectedModes.ts';
import { type Check, overall, runChecks, verifyChecks } from '../checks/index.ts';
import type { CommandContext, CommandResult } from '../frame/command.ts';
import { refuseUnknownMode } from '../planning/refuseUnknownMode.ts';
import { openPlatform } from '../platform/openPlatform.ts';
import { renderChecks } from '../render/checks.ts';

export interface VerifyArguments {
  expectMode?: string;
  /** False: no test event is sent. */
  event?: boolean;
  /** ms to wait for the test event's row, and for pods that are just getting ready. */
  wait?: number;
}

/** Exit code: a check came out red. */
const EXIT_RED = 5;
const WAIT_MS = 15_000;

/** Every post-deployment check as green, yellow or red, with what was seen. */
export const run = (context: CommandContext, args: VerifyArguments): Promise<CommandResult> =>
  runCheckCommand(context, verifyChecks, args);

/** Runs a list of checks on the environment and prints what they came to. */
export async function runCheckCommand(
  context: CommandContext,
  checks: readonly Check[],
  { expectMode, event, wait }: VerifyArguments,
): Promise<CommandResult> {
  const topology = await context.topology();
  if (expectMode !== undefined) refuseUnknownMode(expectMode, topology);
  const account = await orRed(context, () => context.unasked(), absentAccount);
  const expected = await orRed<ExpectedModes | undefined>(
    context,
    () => expectedModes(account, topology),
    () => undefined,
  );
  const platform = await orRed(
    context,
    () => openPlatform(topology, { signal: context.signal }),
    (error) => absentPlatform(topology.environment.platform, error),
  );
  try {
    const results = await runChecks(checks, {
      topology,
      account,
      platform,
      host: context.host,
      signal: context.signal,
      timeoutMs: wait ?? WAIT_MS,
      sendsEvent: event ?? true,
      ...(expectMode === undefined
        ? (expected ?? modesOf(topology.environment.initialMode))
        : modesOf(expectMode)),
    });
    const worst = overall(results);
    const document = { overall: worst, checks: results };
    return {
      json: {
        schemaVersion: 1,
        overall: worst,
        mode: expectMode ?? expected?.mode ?? null,
        checks: results.map((result) => ({ ...result, next: result.next ?? null })),
      },
      text: renderChecks(document, context.paint),
      ...(worst === 'red' ? { exitCode: EXIT_RED } : {}),
    };
  } finally {
    await platform.close();
  }
}

const modesOf = (mode: string): ExpectedModes => ({ mode, ownedIn: mode });

/**
 * What cannot be reached is what the checks are to tell of: those that ask it come out red, the others do their work. A usage error ends
 * the command, as everywhere.
 */
async function orRed<T>(
  { signal }: CommandContext,
  open: () => Promise<T>,
  absent: (error: OpsError) => T,
): Promise<T> {
  try {
    return await open();
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof OpsError) || error.kind === 'usage') throw error;
    return absent(error);
  }
}
