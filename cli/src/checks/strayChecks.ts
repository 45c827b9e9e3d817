import { findStrays, healMemory, type Strays } from '@aa-ops/topology';
import { formatAmount } from '../render/numbers.ts';
import { StateReader } from '../saga/stateStore.ts';
import { live } from './accountChecks.ts';
import { type Check, green, yellow } from './check.ts';

/** Numbers told of a stream. */
const SHOWN = 5;

export const strayMessages: Check = {
  id: 'stray-messages',
  title: 'No stream has taken messages of subjects that it had handed over',
  runbook: 'Metrics Verification, 2. Stream Message Counts',
  async run(context) {
    const { account, topology } = context;
    const memory = await new StateReader(account, topology.name).memory();
    if (memory.blocks.length === 0) return green('nothing was handed over so far');
    const [healed, { streams }] = await Promise.all([healMemory(account, memory), live(context)]);
    const owned = [...streams].map(([name, { info }]) => [name, info.config.subjects] as const);
    const strays = await findStrays(account, healed, Object.fromEntries(owned));
    const [first] = strays;
    if (!first) return green('none behind the last handovers');
    const { stream, handedTo, sequences } = first;
    return yellow(
      strays.map(describe).join('; '),
      `see whether ${handedTo} has them (nats stream get ${stream} ${sequences[0]} shows the first), publish those again that it has not, then delete them in ${stream}`,
    );
  },
};

/** That no durable gets them is why it matters. */
function describe({ stream, handedTo, sequences, isCut }: Strays): string {
  const shown = sequences.slice(0, SHOWN).join(', ');
  const more = isCut || sequences.length > SHOWN ? ', …' : '';
  const count = `${isCut ? 'at least ' : ''}${formatAmount(sequences.length, 'message')}`;
  return `${stream} holds ${count} (${shown}${more}) from after it handed the subjects to ${handedTo}: nobody who reads there gets them`;
}
