import { messageOf } from '../shared/log.ts';
import type { Gate } from './gate.ts';
import type { Handled } from './handleBatch.ts';
import type { Lane } from './lane.ts';
import { type Incoming, type Outcome } from './message.ts';
import type { Pace } from './pace.ts';

/** The heart of normalize: messages come in, batches go to free connections, outcomes are settled. */
export interface Loop {
  /** Takes one message; it starts work in this turn of the event loop, behind what arrived with it. */
  receive(incoming: Incoming): void;
  /** How many more messages may be asked for: none while the database is away or the process stops. */
  room(): number;
  /** How many more bytes of them. */
  roomBytes(): number;
  /** Looks again for work; called when the gate opens. */
  kick(): void;
  /** Messages that are ours and not settled yet. */
  held(): Iterable<Incoming>;
  /** ms since the oldest of them was received; 0 when there is none. */
  oldestHeldMs(): number;
  /** Stops asking, and resolves when all are settled, or at the deadline: then what is left is handed back to the server. */
  stop(deadline: AbortSignal): Promise<void>;
}

export interface LoopOptions {
  lanes: readonly Lane[];
  handle(lane: Lane, batch: readonly Incoming[]): Promise<Handled>;
  /** Acks, naks or dead-letters; resolves once that is out. Never rejects. */
  settle(incoming: Incoming, outcome: Outcome): Promise<void> | void;
  /** Hands a message back to the server, to be delivered again. */
  giveBack(incoming: Incoming): void;
  /** Deliveries the durable allows; -1 is without end. */
  maxDeliver(): number;
  gate: Gate;
  pace: Pace;
  /** After each batch: its size, how long it took in ms, and whether any of it was stored. */
  onBatch(size: number, ms: number, stored: boolean): void;
  /** Room has appeared: time to ask for more. */
  onRoom(): void;
}

/** Of messages in memory: bounds it where they are large. 4,000 of the usual ones are half a MiB. */
const MAX_HELD_BYTES = 64 * 1024 * 1024;

export function createLoop(options: LoopOptions): Loop {
  const { gate, pace } = options;
  const free = [...options.lanes];
  /** In the order received; a set, so that settled ones leave from anywhere. */
  const held = new Set<Incoming>();
  let heldBytes = 0;
  /** Received, not handed to a connection yet. */
  let waiting: Incoming[] = [];
  /** On their last delivery, and what failed was perhaps not theirs: worked one by one. */
  const alone: Incoming[] = [];
  let scheduled = false;
  let stopping = false;
  let whenEmpty: (() => void) | undefined;

  /** Runs after the chunk that is being parsed, so that a burst becomes one batch without a linger timer. */
  function schedule(): void {
    if (scheduled) return;
    scheduled = true;
    setImmediate(() => {
      scheduled = false;
      startBatches();
    });
  }

  function startBatches(): void {
    while (gate.isOpen() && free.length > 0 && options.lanes.length - free.length < pace.lanes()) {
      const batch = alone.length > 0 ? alone.splice(0, 1) : waiting.splice(0, pace.batch());
      if (batch.length === 0) break;
      void work(free.pop()!, batch);
    }
    options.onRoom();
  }

  async function work(lane: Lane, batch: Incoming[]): Promise<void> {
    const started = performance.now();
    const { outcomes, away, stored = false } = await options.handle(lane, batch).catch(unforeseen(batch));
    const ms = performance.now() - started;
    free.push(lane);
    if (away) gate.close(away);
    else pace.record(batch.length, ms);
    options.onBatch(batch.length, ms, stored);
    // One synchronous loop: all acks of a batch share a socket write.
    for (let i = 0; i < batch.length; i++) finish(batch[i]!, outcomes[i]!);
    schedule();
  }

  function finish(incoming: Incoming, outcome: Outcome): void {
    const last = options.maxDeliver() > 0 && incoming.deliveries >= options.maxDeliver();
    if (outcome.kind === 'retry' && last && outcome.unsure) {
      if (held.has(incoming)) alone.push(incoming);
      return;
    }
    const settled = options.settle(
      incoming,
      outcome.kind === 'retry' && last
        ? { kind: 'deadLetter', reason: 'max_deliver', error: outcome.error }
        : outcome,
    );
    if (settled) void settled.then(() => release(incoming));
    else release(incoming);
  }

  function release(incoming: Incoming): void {
    if (held.delete(incoming)) heldBytes -= incoming.size;
    if (held.size === 0) whenEmpty?.();
    else if (free.length === options.lanes.length) schedule();
  }

  return {
    receive(incoming) {
      held.add(incoming);
      heldBytes += incoming.size;
      waiting.push(incoming);
      schedule();
    },
    room() {
      if (stopping || !gate.isOpen() || heldBytes >= MAX_HELD_BYTES) return 0;
      // One batch on each connection, one that waits for the next free one, and one on its way here.
      return pace.batch() * (pace.lanes() + 2) - held.size;
    },
    roomBytes: () => MAX_HELD_BYTES - heldBytes,
    kick: schedule,
    held: () => held,
    oldestHeldMs() {
      const [oldest] = held;
      return oldest === undefined ? 0 : performance.now() - oldest.receivedAt;
    },
    async stop(deadline) {
      stopping = true;
      if (held.size > 0 && !deadline.aborted) {
        await new Promise<void>((resolve) => {
          whenEmpty = resolve;
          deadline.addEventListener('abort', () => resolve(), { once: true });
        });
      }
      waiting = [];
      alone.length = 0;
      for (const incoming of held) options.giveBack(incoming);
      held.clear();
    },
  };
}

/** A bug in a handler must not lose a batch or end the process: its messages are retried, and end as dead letters. */
const unforeseen =
  (batch: readonly Incoming[]) =>
  (error: unknown): Handled => ({
    outcomes: batch.map(() => ({ kind: 'retry', delayMs: 5_000, error: messageOf(error) })),
  });
