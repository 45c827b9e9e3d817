import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Authenticator,
  type ConnectionOptions,
  connect,
  credsAuthenticator,
  DebugEvents,
  Events,
  type NatsConnection,
} from 'nats';
import { createBackoff, unlessAborted } from './backoff.ts';
import { type Log, messageOf } from './log.ts';
import { parseNatsUrl } from './natsUrl.ts';

/** One connection that is never given up, and what the others need to know about it. */
export interface NatsLink {
  readonly nc: NatsConnection;
  readonly connected: () => boolean;
  /** Called after each loss and each return. */
  onChange(listener: (connected: boolean) => void): void;
  /**
   * Publishes a payload of a few ASCII characters. All of one turn of the event loop become one command to the client: its own
   * `publish` encodes and queues each by itself, which is 1 µs an ack, a tenth of all the work on a message.
   */
  tell(subject: string, payload: string): void;
  /** Writes out what is queued, for as long as the deadline allows and half a second at least, and closes. */
  close(deadline: AbortSignal): Promise<void>;
}

export interface NatsLinkOptions {
  url: string;
  credsFile: string | undefined;
  name: string;
  log: Log;
  /** Ends the attempts to get the first connection. */
  signal: AbortSignal;
}

/** The part of the client that its types do not show (nats 2.29.3, lib/nats-base-client/protocol.js). */
interface ClientInside {
  protocol: { sendCommand(command: string): void };
}

/** ms for what is queued at a close, whatever the deadline: what is handed back then must get out. */
const FLUSH_MS = 500;
const CLOSE_MS = 250;

/** Tries until it is connected (or the signal is aborted: undefined). Reconnects for ever, with jitter, refused credentials included: they may be rotated. */
export async function openNatsLink(options: NatsLinkOptions): Promise<NatsLink | undefined> {
  const { log, signal } = options;
  const backoff = createBackoff(200, 2_000);
  while (!signal.aborted) {
    try {
      const connecting = connect(connectionOptions(options));
      const nc = await unlessAborted(connecting, signal);
      if (nc) return watchLink(nc, log);
      void connecting.then((late) => late.close()).catch(() => {});
    } catch (error) {
      log.warn(
        `[event-bus] NATS at ${parseNatsUrl(options.url).hosts} is not reachable: ${messageOf(error)}. Trying again.`,
      );
      await backoff.pause(signal);
    }
  }
  return undefined;
}

function connectionOptions(options: NatsLinkOptions): ConnectionOptions {
  const { servers, credentials } = parseNatsUrl(options.url);
  return {
    servers,
    name: options.name,
    timeout: 5_000,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 100,
    reconnectJitter: 400,
    reconnectJitterTLS: 400,
    ignoreAuthErrorAbort: true,
    pingInterval: 5_000,
    maxPingOut: 2,
    ...credentials,
    ...(options.credsFile ? { authenticator: fileAuthenticator(options.credsFile) } : {}),
  };
}

/**
 * Reads the file at each attempt, since what it holds is rotated under a running pod. Throws when there is nothing to begin
 * with; later the last good answer is given instead: the client gives a connection up for good when its authenticator throws,
 * and a file may be met half written.
 */
function fileAuthenticator(file: string): Authenticator {
  let good = readFileSync(file);
  credsAuthenticator(good)('');
  return (nonce) => {
    try {
      const read = readFileSync(file);
      const auth = credsAuthenticator(read)(nonce);
      good = read;
      return auth;
    } catch {
      return credsAuthenticator(good)(nonce);
    }
  };
}

function watchLink(nc: NatsConnection, log: Log): NatsLink {
  let connected = true;
  const listeners: ((connected: boolean) => void)[] = [];
  const change = (now: boolean): void => {
    if (connected === now) return;
    connected = now;
    if (now) log.info(`[event-bus] NATS connection is back: ${nc.getServer()}`);
    else log.warn('[event-bus] NATS connection lost. Reconnecting.');
    for (const listener of listeners) listener(now);
  };
  void (async () => {
    for await (const status of nc.status()) {
      if (status.type === Events.Disconnect || status.type === DebugEvents.StaleConnection) change(false);
      if (status.type === Events.Reconnect) change(true);
    }
  })();
  let told: string[] = [];
  let payloadTold = '';
  const sendTold = (): void => {
    if (told.length === 0) return;
    const { protocol } = nc as unknown as ClientInside;
    const rest = ` ${payloadTold.length}\r\n${payloadTold}\r\n`;
    protocol.sendCommand(`PUB ${told.join(`${rest}PUB `)}${rest}`);
    told = [];
  };
  return {
    nc,
    connected: () => connected && !nc.isClosed(),
    onChange: (listener) => void listeners.push(listener),
    tell(subject, payload) {
      if (payload !== payloadTold) sendTold();
      payloadTold = payload;
      if (told.length === 0) queueMicrotask(sendTold);
      told.push(subject);
    },
    async close(deadline) {
      // A server that is frozen, or behind a broken network, never answers.
      const drained = connected ? nc.drain().catch(() => {}) : undefined;
      await Promise.all([unlessAborted(drained, deadline), Promise.race([drained, sleep(FLUSH_MS)])]);
      await Promise.race([nc.close(), sleep(CLOSE_MS)]);
    },
  };
}
