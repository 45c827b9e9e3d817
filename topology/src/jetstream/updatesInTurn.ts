import { setTimeout as delay } from 'node:timers/promises';
import { OpsError } from '../errors.ts';
import type { ApiRequest } from './apiRequest.ts';
import { JetStreamError } from './jsError.ts';
import { isWithoutEffect, patiently } from './patient.ts';

/** ms for a request that the server has taken out of its queue: many times what one takes. */
const AT_WORK_MS = 30;

/**
 * Updates of one stream, one after the other and in the order they were asked for; one without an answer is waited for before the next is sent.
 * Since 2.11 a server that is not clustered works on its requests side by side (`processJSAPIRoutedRequests`). Of two updates at once, each
 * subscribes what it adds, and the stream stores twice whatever comes there from then on: 22 of 300 pairs on 2.15.1, 47 on 2.11.11, none on 2.10.26
 * (adr/0018). And the later of two may be overtaken by the earlier.
 */
export function updatesInTurn<Config extends { name: string }, Info>(
  send: (config: Config) => Promise<Info>,
  isThrough: (stream: string) => Promise<void>,
): (config: Config) => Promise<Info> {
  const turns = new Map<string, Promise<unknown>>();
  const unanswered = new Map<string, Promise<unknown>>();

  const inTurn = async (config: Config): Promise<{ answer: Promise<Info> }> => {
    const { name } = config;
    const earlier = unanswered.get(name);
    if (earlier) await Promise.race([earlier, isThrough(name)]);
    const answer = send(config);
    const known = new Promise<void>((resolve) => {
      answer.then(
        () => resolve(),
        (error: unknown) => void (isWithoutEffect(error) && resolve()),
      );
    });
    unanswered.set(name, known);
    void known.then(() => unanswered.get(name) === known && unanswered.delete(name));
    return { answer }; // sent, which is all that the next one waits for here
  };

  return async (config) => {
    const sent = (turns.get(config.name) ?? Promise.resolve()).then(() => inTurn(config));
    turns.set(
      config.name,
      sent.catch(() => {}),
    );
    return (await sent).answer;
  };
}

/**
 * Resolves once the server has taken up whatever it was asked before about a stream: a request that waits in the same queue, and is taken up in
 * its turn. `api` gives up soon, and is asked again for `forMs`.
 */
export async function throughQueue(api: ApiRequest, stream: string, forMs: number): Promise<void> {
  await patiently(() => api(`STREAM.MSG.GET.${stream}`, { seq: 1 }), { forMs }, isUnheard).catch(
    (error: unknown) => {
      if (isUnheard(error)) throw error; // any other answer is one
    },
  );
  await delay(AT_WORK_MS);
}

const isUnheard = (error: unknown): boolean =>
  !(error instanceof JetStreamError) && !(error instanceof OpsError && error.code === 'right-missing');
