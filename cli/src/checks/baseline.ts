import type { Baseline, CheckContext } from './check.ts';
import { countDeadLetters, deadLettersOf, deadLetterStreams } from './deadLetters.ts';

/** How the account stands before a change: what dead letters and counts are compared with afterwards. */
export async function takeBaseline({
  account,
  topology,
}: Pick<CheckContext, 'account' | 'topology'>): Promise<Baseline> {
  const names = Object.keys(topology.streams);
  const [deadLetters, infos] = await Promise.all([
    deadLetterStreams(account, topology).then((streams) =>
      countDeadLetters(account, streams, deadLettersOf(topology)),
    ),
    Promise.all(names.map((name) => account.stream(name))),
  ]);
  return {
    at: new Date().toISOString(),
    deadLetters,
    streams: Object.fromEntries(
      infos.flatMap((info) =>
        info
          ? [[info.config.name, { messages: info.state.messages, lastSeq: info.state.last_seq }] as const]
          : [],
      ),
    ),
  };
}
