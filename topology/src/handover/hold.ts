import { OpsError } from '../errors.ts';
import { setTimeout as delay } from 'node:timers/promises';
import {
  type ConnectSettings,
  DEFAULT_PATIENCE_MS,
  Events,
  type Msg,
  type MsgHdrs,
  type NatsConnection,
  newHeaders,
  openConnection,
  type Subscription,
} from '../jetstream/index.ts';
import { RESERVED_PREFIX } from '../model.ts';
import { type Owner, Passed } from './passed.ts';
import { DEFAULT_BOUNDS } from './windowSpec.ts';

/** A publish that came while the hold stood; `message.reply` is the publisher's inbox, absent for a core publish. */
export interface HeldMessage {
  message: Msg;
  bytes: number;
  /** It had come before a stream was asked to take: none but the origin can have captured it. */
  isEarly: boolean;
  /** It has passed the stream that hears it afterwards: that one has it by now, or never gets it by itself. */
  hasPassed: boolean;
}

export interface HoldOptions {
  /**
   * The streams still own what is held: what comes before every server has been asked is theirs, and not kept. A message that is on its way to the
   * hold's server for somebody else's sake (the guardian's hold, a core subscriber) comes to this hold too, however long ago its stream stored it.
   */
  owned?: boolean;
  /**
   * Bytes that may be held; past it the subjects go back to the origin, and everything held with them. Past twice as many
   * nothing more is kept: its publisher gets no answer, as if its own connection had gone.
   */
  maxBytes: number;
  /** Who is to hear what is held; where one is not named, nothing is known to have passed it. */
  owners?: readonly Owner[];
}

/** Replies to what is being let go come here; nothing else has such a reply subject. */
export const LET_GO_PREFIX = `${RESERVED_PREFIX}let-go.`;

/** What a stream answers for what it has stored. */
interface PubAck {
  stream: string;
  seq: number;
}

/** ms for one answer to a probe or a barrier, between two times that it is asked for, and for all of them. */
const ANSWER_MS = 500;
const POLL_MS = 5;
const PROBE_MS = 5_000;
/** Makes a stream answer at once with a refusal (10060): it is heard, and nothing has to be stored for that. */
const NOT_STORED = newHeaders();
NOT_STORED.set('Nats-Expected-Stream', `${RESERVED_PREFIX}none`);
/** ms that a server which stands still may keep a barrier waiting: what it routes, it routes later. */
const OTHERS_MS = 3_000;

/**
 * A core subscription on the moved subjects while nobody owns them: a JetStream publish then waits for its reply instead
 * of failing with 503 "no responders". Everything published while it stands is kept, in order, until `end`.
 */
export interface Hold {
  readonly held: readonly HeldMessage[];
  /** What another process let go while this stood; where it died meanwhile, publishers may miss their answer. */
  readonly elsewhere: readonly Msg[];
  readonly overflown: boolean;
  /** Not kept, past twice the limit. */
  readonly dropped: number;
  /** Names of the servers that it stands on, or was asked through. */
  readonly servers: ReadonlySet<string>;
  /** How often its connection broke: what was published until it stood again has met nobody, or gets no answer. */
  readonly breaks: number;
  /** From here on a stream may capture what comes: it is asked to take. */
  mark(): void;
  /**
   * Has each of these subjects answered by the stream that hears it, through every server, and nothing stored: what any server routed to that
   * stream, before it knew of the hold, has arrived there.
   */
  lastCall(subjects: readonly string[]): Promise<void>;
  /**
   * Ends the hold once every server knows the streams that hear the barriers: what any of them routed to the hold alone is in what this
   * returns, and what they route from then on reaches a stream. Behind a `barrier` the streams' captures can be read: all but those of a
   * publish that a server is about to put into the stream's queue at that moment.
   */
  end(barriers: readonly string[]): Promise<readonly HeldMessage[]>;
  /**
   * Has each of these subjects stored by the stream that hears it, through every server. What any server routed before is
   * stored before: a stream's captures can be read then, up to the sequence that `reached` has for it, and none is missed.
   */
  barrier(subjects: readonly string[]): Promise<void>;
  /** By stream, the last sequence that it has acked for a barrier: a leader that is elected then may tell of less for a moment. */
  readonly reached: ReadonlyMap<string, number>;
  close(): Promise<void>;
}

/**
 * Subscribes on a connection of its own. A flush proves only the server that it went to, so in a cluster a probe
 * subscribed last is asked through every other server before the hold counts as standing.
 */
export async function openHold(
  settings: ConnectSettings,
  filters: readonly string[],
  { maxBytes, owned = false, owners = [] }: HoldOptions = { maxBytes: DEFAULT_BOUNDS.holdBytes },
): Promise<Hold> {
  const connection = await openConnection({ ...settings, name: 'aa-ops hold' });
  const held: HeldMessage[] = [];
  const elsewhere: Msg[] = [];
  let bytes = 0;
  let dropped = 0;
  let breaks = 0;
  let refused: Error | undefined;
  let ended = false;
  const keep = (error: Error | null, message: Msg): void => {
    if (error) {
      refused ??= error;
      return;
    }
    if (ended) return; // captured by a stream
    if (message.reply?.startsWith(LET_GO_PREFIX)) {
      elsewhere.push(message);
      return;
    }
    const size = message.data.length + message.subject.length + 256;
    if (bytes + size > 2 * maxBytes) {
      dropped += 1;
      return;
    }
    bytes += size;
    held.push({ message, bytes: size, isEarly: false, hasPassed: false }); // past the limit too: the window is being reverted, and they go with it
  };
  const subscriptions: Subscription[] = filters.map((filter) =>
    connection.subscribe(filter, { callback: keep }),
  );
  void onBreak(connection, () => void breaks++);
  const probe = openProbe(connection);
  const [others, beside] = await Promise.all([
    connectThroughOthers(settings, connection),
    connectBeside(settings, connection, owners),
  ]);
  /** One that stands still keeps nobody waiting for ever, and one that is gone routes nothing. */
  const throughEach = async (ask: (through: NatsConnection, forMs: number) => Promise<unknown>) => {
    await Promise.all([
      ask(connection, DEFAULT_PATIENCE_MS),
      ...others.map((other) => ask(other, OTHERS_MS).catch(() => {})),
    ]);
  };
  const heard = (subjects: readonly string[]) =>
    throughEach((through, forMs) =>
      Promise.all(subjects.map((subject) => insistOnAnswer(through, subject, forMs, NOT_STORED))),
    );
  const reached = new Map<string, number>();
  const barrier = (through: NatsConnection, subjects: readonly string[], forMs: number) =>
    Promise.all(
      subjects.map(async (subject) => {
        const { stream = '', seq = 0 } = (await insistOnAnswer(through, subject, forMs)).json<
          Partial<PubAck>
        >();
        reached.set(stream, Math.max(reached.get(stream) ?? 0, seq));
      }),
    );
  const close = async (): Promise<void> => {
    await Promise.all([connection, ...others, ...beside].map((one) => one.close()));
  };
  try {
    await connection.flush();
    await Promise.all(others.map((other) => insistOnAnswer(other, probe, PROBE_MS)));
    if (refused) throw refused;
    if (owned) [held.length, bytes, dropped] = [0, 0, 0];
  } catch (error) {
    await close();
    throw new OpsError('hold-failed', `cannot hold ${filters.join(', ')}: ${String(error)}`, {
      hint: 'nothing was released; every server of the cluster has to be reachable, and these credentials need the rights of a hold',
      cause: error,
    });
  }
  const passed = new Passed(byServerName([...beside, ...others]), filters, owners);
  const servers = new Set(byServerName([connection, ...others]).keys());
  return {
    held,
    elsewhere,
    servers,
    reached,
    get overflown() {
      return bytes > maxBytes;
    },
    get dropped() {
      return dropped;
    },
    get breaks() {
      return breaks;
    },
    mark() {
      for (const one of held) one.isEarly = true;
    },
    lastCall: heard,
    async end(barriers) {
      // A server that learned of the hold's end before it learned of a stream would drop what it is given in between. So first
      await heard(barriers);
      await Promise.all([
        throughEach((through, forMs) => insistOnAnswer(through, probe, forMs)),
        ...beside.map((one) => insistOnAnswer(one, probe, OTHERS_MS).catch(() => {})), // all that has passed is heard
      ]);
      ended = true;
      for (const subscription of subscriptions) subscription.unsubscribe();
      passed.close();
      const all = passed.of(held.map(({ message }) => message));
      for (const one of held) one.hasPassed = all.has(one.message);
      return held;
    },
    barrier: (subjects) => throughEach((through, forMs) => barrier(through, subjects, forMs)),
    close,
  };
}

/** Ends when the connection is closed. */
async function onBreak(connection: NatsConnection, callback: () => void): Promise<void> {
  for await (const { type } of connection.status()) if (type === Events.Disconnect) callback();
}

/** Connections to the servers of the cluster that the hold's own does not lead to. One that is away routes nothing; one that only we cannot reach is told of. */
async function connectThroughOthers(
  settings: ConnectSettings,
  connection: NatsConnection,
): Promise<NatsConnection[]> {
  const others = (connection.info?.connect_urls ?? []).filter((url) => url !== connection.getServer());
  return connectTo(settings, others);
}

/**
 * What has passed is heard on a connection of its own: heard on the hold's, everything would come there twice, and a server cuts a client that is behind
 * by `max_pending` (64 MB), whose publishers get no answer then. None where the hold's server leads no owner.
 */
const connectBeside = async (
  settings: ConnectSettings,
  connection: NatsConnection,
  owners: readonly Owner[],
): Promise<NatsConnection[]> =>
  owners.some(({ server }) => server === connection.info?.server_name)
    ? connectTo(settings, [connection.getServer()])
    : [];

async function connectTo(settings: ConnectSettings, urls: readonly string[]): Promise<NatsConnection[]> {
  const opened = await Promise.allSettled(
    urls.map((url) =>
      openConnection({
        ...settings,
        servers: [withHost(settings.servers[0], url)],
        name: 'aa-ops probe',
        timeoutMs: 2_000,
      }),
    ),
  );
  return opened.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
}

const byServerName = (connections: readonly NatsConnection[]): Map<string, NatsConnection> =>
  new Map(connections.map((one) => [one.info?.server_name ?? '', one]));

/** Scheme and credentials as we were given them, host and port as the cluster names them. */
const withHost = (given = '', host: string): string =>
  given.replace(/^([a-z]+:\/\/)?([^@/]*@)?.*$/, (_all, scheme = '', user = '') => `${scheme}${user}${host}`);

/** A subject that the hold's own connection answers: whatever its server sent it before is there then. */
function openProbe(connection: NatsConnection): string {
  const probe = `${RESERVED_PREFIX}probe.${Math.random().toString(36).slice(2)}`;
  connection.subscribe(probe, { callback: (_error, message) => void message.respond() });
  return probe;
}

/** Interest takes a moment to reach every server, and so does a stream's after its subjects changed, or its leader. */
async function insistOnAnswer(
  through: NatsConnection,
  subject: string,
  forMs: number,
  headers?: MsgHdrs,
): Promise<Msg> {
  const deadline = performance.now() + forMs;
  for (;;) {
    try {
      return await through.request(subject, undefined, {
        timeout: ANSWER_MS,
        ...(headers ? { headers } : {}),
      });
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await delay(POLL_MS);
    }
  }
}
