import { createInbox, type Msg, type MsgHdrs, type NatsConnection } from 'nats';
import type { RequestLimits } from './bind.ts';
import { type Incoming, readIncoming, type Tie } from './message.ts';

/** Asks for messages, exactly as many as there is room for. */
export interface Puller {
  /** Asks for what there is room for, if that is worth a request. */
  ask(): void;
  /** Asks no more. What still comes is handed on until stop(): the server delivers to a request it got, however late. */
  quit(): void;
  /** Asks no more; resolves when no message can be under way to us any longer (at most some 1.5 s), so that none is left hanging. */
  stop(): Promise<void>;
  /** Forgets what was asked: the connection was lost, and the requests with it. */
  forget(): void;
}

export interface PullOptions {
  nc: NatsConnection;
  tie: Tie;
  durable: string;
  /** The durable's own, as last seen. */
  limits: () => RequestLimits;
  /** Without a connection nothing is under way. */
  connected: () => boolean;
  /** Also connected: whether what is delivered could be settled. */
  mayAsk: () => boolean;
  room: () => number;
  roomBytes: () => number;
  onMessage(incoming: Incoming): void;
  /** The consumer is gone, or does not answer: what the server said. Called once; it asks no more then, and is still to be stopped. */
  onLost(why: string): void;
  /** The server refuses every request, for a reason that does not pass by itself. Told once a minute at most. */
  onRefused(why: string): void;
}

/**
 * How long a request stands on the server. Short, because its end is what proves that no message is under way: a stop
 * waits for it. One small request a second is what an idle pod costs.
 */
const EXPIRES_MS = 1_000;
/** Without an answer for so long after its end, a request is lost (ADR-37 would use heartbeats for longer ones). */
const GRACE_MS = 2_000;
/** Between two words about requests that are refused. */
const REFUSED_MS = 60_000;
/** Bytes of one request: bounds memory when messages are large. */
const MAX_BYTES = 16 * 1024 * 1024;

/**
 * Pull requests by hand (ADR-37) instead of the client's `consume`: that refills when a message arrives, not when there is
 * room, and forgets what is under way when it is stopped.
 */
export function startPulling(options: PullOptions): Puller {
  const { nc } = options;
  const inbox = createInbox();
  const api = `$JS.API.CONSUMER.MSG.NEXT.${options.tie.stream}.${options.durable}`;
  /** Asked for and neither received nor declared dead. */
  let outstanding = 0;
  let lastHeard = performance.now();
  let oversized = false;
  let lastRefused = -Infinity;
  let asking = true;
  let whenQuiet: (() => void) | undefined;
  let stopped: Promise<void> | undefined;

  const subscription = nc.subscribe(inbox, {
    callback: (error, msg) => {
      if (error) return;
      lastHeard = performance.now();
      const incoming = msg.reply ? readIncoming(msg, options.tie) : undefined;
      if (incoming) {
        outstanding = Math.max(0, outstanding - 1);
        options.onMessage(incoming);
      } else onStatus(msg);
      if (outstanding === 0) whenQuiet?.();
    },
  });

  function onStatus(msg: Msg): void {
    const headers = statusOf(msg);
    const code = headers?.code ?? 0;
    const why = `${code} ${headers?.description ?? ''}`.trim();
    const unserved = headers?.get('Nats-Pending-Messages');
    outstanding = unserved ? Math.max(0, outstanding - Number(unserved)) : 0;
    if (code === 503 || /consumer deleted|consumer is push based/i.test(why)) lose(why);
    else if (/message size exceeds maxbytes/i.test(why)) oversized = true;
    else if (code === 400 || /^409 exceeded/i.test(why)) refused(why);
    // 408 (time is up) asks again at once; after 409 (no leader, too many requests) the timer does, a second later.
    if (code === 408 || oversized) ask();
  }

  function refused(why: string): void {
    const now = performance.now();
    if (now - lastRefused < REFUSED_MS) return;
    lastRefused = now;
    options.onRefused(why);
  }

  function ask(): void {
    if (!asking || !options.mayAsk()) return;
    const room = options.room() - outstanding;
    if (room <= 0 || (outstanding > 0 && room < outstanding)) return;
    const { messages, bytes, expiresMs } = options.limits();
    const batch = oversized ? 1 : Math.min(room, messages || room);
    const request = {
      batch,
      expires: Math.min(EXPIRES_MS, expiresMs || EXPIRES_MS) * 1e6,
      ...(oversized ? {} : { max_bytes: Math.min(MAX_BYTES, bytes || MAX_BYTES, options.roomBytes()) }),
    };
    oversized = false;
    if (outstanding === 0) lastHeard = performance.now();
    outstanding += batch;
    nc.publish(api, JSON.stringify(request), { reply: inbox });
  }

  const timer = setInterval(() => {
    if (outstanding > 0 && options.mayAsk() && performance.now() - lastHeard > EXPIRES_MS + GRACE_MS)
      lose('no answer to pull requests');
    ask();
  }, EXPIRES_MS);

  function quit(): void {
    asking = false;
    clearInterval(timer);
  }

  function lose(why: string): void {
    if (!asking) return;
    quit();
    options.onLost(why);
  }

  async function stop(): Promise<void> {
    quit();
    if (outstanding > 0 && options.connected()) {
      await new Promise<void>((resolve) => {
        whenQuiet = resolve;
        setTimeout(resolve, EXPIRES_MS + 500);
      });
    }
    subscription.unsubscribe();
  }

  ask();
  return {
    ask,
    quit,
    forget() {
      outstanding = 0;
      lastHeard = performance.now();
    },
    stop: () => (stopped ??= stop()),
  };
}

/** Whatever somebody publishes to the inbox, nothing may throw inside the client's parser: no message would be parsed any more. */
function statusOf(msg: Msg): MsgHdrs | undefined {
  try {
    return msg.headers;
  } catch {
    return undefined;
  }
}
