import type { JetStreamReader, Msg, NatsConnection, StreamInfo, Subscription } from '../jetstream/index.ts';
import { covers } from '../subjects/sets.ts';
import type { WindowSpec } from './windowSpec.ts';

/** A stream that is to hear what is held, and the server that leads it. */
export interface Owner {
  stream: string;
  subjects: readonly string[];
  server: string;
  /** When it began to lead, where servers tell: one that went and came back is another one. */
  since: string | undefined;
}

/** The streams that take in a window, each with the server that leads it now. */
export const ownersOf = (spec: WindowSpec, infos: readonly (StreamInfo | undefined)[]): Owner[] =>
  spec.streams.flatMap(({ stream, taken }, n) => {
    const { leader: server, leader_since: since } = infos[n]?.cluster ?? {};
    return taken && server ? [{ stream, subjects: taken, server, since }] : [];
  });

/** What has passed a server has passed its stream only if it leads that stream all the time. */
export async function areLedAsBefore(account: JetStreamReader, owners: readonly Owner[]): Promise<boolean> {
  const infos = await Promise.all(owners.map(({ stream }) => account.stream(stream)));
  return owners.every(({ server, since }, n) => {
    const { leader, leader_since } = infos[n]?.cluster ?? {};
    return leader === server && leader_since === since;
  });
}

/**
 * Which held publishes have passed the stream that is to hear them: it has them in its queue, or never gets them by themselves. The held subjects are
 * heard once more on the leader's server, as a queue group of one: a server serves queue groups behind its plain subscriptions, those of streams
 * among them, and one publish in one thread (`processMsgResults` of nats-server). Not the hold itself: what a leaf node sends before
 * it knows of the group comes to plain subscriptions only. Where nothing is heard here, nothing is known.
 */
export class Passed {
  readonly #heard = new Map<string, Set<string>>();
  readonly #subscriptions: Subscription[] = [];
  readonly #owners: readonly Owner[];

  /** `connections` by the name of their server. Begins once the hold stands: what came before is not to be taken for what is held. */
  constructor(
    connections: ReadonlyMap<string, NatsConnection>,
    filters: readonly string[],
    owners: readonly Owner[],
  ) {
    this.#owners = owners;
    for (const server of new Set(owners.map((owner) => owner.server))) {
      const heard = new Set<string>();
      this.#heard.set(server, heard);
      const connection = connections.get(server);
      if (!connection) continue;
      const queue = `passed-${Math.random().toString(36).slice(2)}`;
      const callback = (error: Error | null, message: Msg): void => {
        const isThere = connection.info?.server_name === server; // not on another one, after the connection broke
        if (!error && isThere && message.reply) heard.add(keyOf(message));
      };
      for (const filter of filters)
        this.#subscriptions.push(connection.subscribe(filter, { queue, callback }));
    }
  }

  /**
   * Those of `messages` that have passed their stream. Only what has a reply subject that no other of them has: nobody waits for the others, or
   * they cannot be told apart.
   */
  of(messages: readonly Msg[]): Set<Msg> {
    const times = new Map<string, number>();
    for (const message of messages) times.set(keyOf(message), (times.get(keyOf(message)) ?? 0) + 1);
    return new Set(
      messages.filter((message) => {
        const owner = this.#owners.find(({ subjects }) => covers(subjects, message.subject));
        const key = keyOf(message);
        return owner && times.get(key) === 1 && this.#heard.get(owner.server)?.has(key);
      }),
    );
  }

  close(): void {
    for (const subscription of this.#subscriptions) subscription.unsubscribe();
  }
}

const keyOf = ({ subject, reply = '' }: Msg): string => `${subject} ${reply}`;
