import type { CommandContext, CommandResult } from '../frame/command.ts';
import { describePods } from '../platform/describePods.ts';
import { renderStatus } from '../render/status.ts';
import { withRates } from '../status/rates.ts';
import { readStatus, type Status } from '../status/readStatus.ts';
import { watchStatus } from '../status/watchStatus.ts';

/** Where the environment stands, with its pods; `watch`: again and again, every `interval` ms. */
export async function run(
  context: CommandContext,
  { watch = false, interval }: { watch?: boolean; interval: number },
): Promise<CommandResult> {
  const topology = await context.topology();
  const look = async (): Promise<Status> => {
    const [account, pods] = await Promise.all([
      context.reader().then((reader) => readStatus(reader, topology)),
      describePods(topology, context.signal),
    ]);
    return { ...account, ...pods };
  };
  if (watch) await watchStatus(context, look, interval);
  const status = await look();
  return { json: status, text: renderStatus(withRates(status, new Date())) };
}
