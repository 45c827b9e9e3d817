import { OpsError } from '../errors.ts';
import { type ConnectSettings, type Msg, openConnection, type Subscription } from '../jetstream/index.ts';

/** A publish that nobody owned when it came; `message.reply` is the publisher's inbox, absent for a core publish. */
export interface HeldMessage {
  message: Msg;
  bytes: number;
}

export interface HoldLimits {
  /** Bytes that may be held; past it the subjects go back to the origin, and everything held with them. */
  maxBytes: number;
}

export const DEFAULT_HOLD_LIMITS: HoldLimits = { maxBytes: 64 * 1024 * 1024 };

/**
 * A core subscription on the moved subjects while nobody owns them: a JetStream publish then waits for its reply instead
 * of failing with 503 "no responders". Everything published while it stands is kept, in order, until `end`.
 */
export interface Hold {
  readonly held: readonly HeldMessage[];
  readonly overflown: boolean;
  /** Every message that any server routed before this call is in `held` afterwards, and none comes any more. */
  end(): Promise<readonly HeldMessage[]>;
  close(): Promise<void>;
}

/**
 * Subscribes on a connection of its own. A flush proves only the server that it went to, so in a cluster a probe
 * subscribed last is asked through every other server before the hold counts as standing (jetstream.md, step 4).
 */
export async function openHold(
  settings: ConnectSettings,
  filters: readonly string[],
  limits: HoldLimits = DEFAULT_HOLD_LIMITS,
): Promise<Hold> {
  const connection = await openConnection({ ...settings, name: 'aa-ops hold' });
  const held: HeldMessage[] = [];
  let bytes = 0;
  let refused: Error | undefined;
  const keep = (error: Error | null, message: Msg): void => {
    if (error) {
      refused ??= error;
      return;
    }
    const size = message.data.length + message.subject.length + 256;
    bytes += size;
    if (bytes <= limits.maxBytes) held.push({ message, bytes: size });
  };
  const subscriptions: Subscription[] = filters.map((filter) =>
    connection.subscribe(filter, { callback: keep }),
  );
  try {
    await proveEverywhere(settings, connection);
    if (refused) throw refused;
  } catch (error) {
    await connection.close();
    throw new OpsError('hold-failed', `cannot hold ${filters.join(', ')}: ${String(error)}`, {
      cause: error,
    });
  }
  return {
    held,
    get overflown() {
      return bytes > limits.maxBytes;
    },
    async end() {
      await connection.flush();
      for (const subscription of subscriptions) subscription.unsubscribe();
      await connection.flush();
      return held;
    },
    close: () => connection.close(),
  };
}

/** A request to a probe on the hold's connection, sent through each server, answered: interest has reached it. */
async function proveEverywhere(
  settings: ConnectSettings,
  connection: Awaited<ReturnType<typeof openConnection>>,
): Promise<void> {
  const probe = `_aa-ops.probe.${Math.random().toString(36).slice(2)}`;
  const subscription = connection.subscribe(probe, { callback: (_error, message) => void message.respond() });
  await connection.flush();
  const others = (connection.info?.connect_urls ?? []).filter((url) => url !== connection.getServer());
  await Promise.all(others.map((url) => askThrough(settings, url, probe)));
  subscription.unsubscribe();
}

async function askThrough(settings: ConnectSettings, url: string, probe: string): Promise<void> {
  const scheme = settings.servers[0]?.match(/^[a-z]+:\/\//)?.[0] ?? '';
  let other;
  try {
    other = await openConnection({
      ...settings,
      servers: [`${scheme}${url}`],
      name: 'aa-ops probe',
      timeoutMs: 2_000,
    });
  } catch {
    return; // a server that nobody can reach routes no publishes
  }
  try {
    for (let attempt = 0; ; attempt++) {
      try {
        await other.request(probe, undefined, { timeout: 500, noMux: true });
        return;
      } catch (error) {
        if (attempt >= 10) throw error;
      }
    }
  } finally {
    await other.close();
  }
}
