import { OpsError } from '@aa-ops/topology';
import type { CommandContext, CommandResult } from '../frame/command.ts';
import { renderHistory, renderJournal } from '../render/history.ts';
import { StateReader } from '../saga/stateStore.ts';

/** Every run, or one run's journal. */
export async function run(context: CommandContext, args: { run?: string }): Promise<CommandResult> {
  const topology = await context.topology();
  const state = new StateReader(await context.reader(), topology.name);
  if (args.run === undefined) {
    const runs = await state.runs();
    return { json: { schemaVersion: 1, runs }, text: renderHistory(runs) };
  }
  const document = await state.run(args.run);
  if (!document) {
    throw new OpsError('run-unknown', `there is no run ${args.run}`, {
      kind: 'usage',
      hint: 'aa-ops history lists them',
    });
  }
  const journal = await state.journal(args.run);
  return { json: { schemaVersion: 1, run: document, journal }, text: renderJournal(document, journal) };
}
