import { createBackoff, unlessAborted } from '../shared/backoff.ts';
import { type Log, messageOf } from '../shared/log.ts';
import { type NatsLink, openNatsLink } from '../shared/natsLink.ts';
import { type Attachment, attach } from './attach.ts';
import type { Binding } from './bind.ts';
import type { NormalizeConfig } from './config.ts';
import { createBuriedCheck } from './findBuried.ts';
import { createGate } from './gate.ts';
import { handleBatch } from './handleBatch.ts';
import { createLane, type Lane, type LaneOptions } from './lane.ts';
import { createLoop } from './loop.ts';
import type { NormalizeMetrics } from './metrics.ts';
import { migrate } from '../database/migrate.ts';
import { createPace } from './pace.ts';
import { createSettler } from './settle.ts';
import { createConsumeSpans } from './span.ts';
import { sweep } from './sweep.ts';
import { sweepRegularly } from './sweeper.ts';

/** From the bus to the table: everything that needs a server. A module of its own, since it is loaded once the port is open. */
export interface Work {
  natsConnected(): boolean;
  /** Migrated, and the last statement did not say that nothing can be written. */
  databaseConnected(): boolean;
  binding(): Binding | undefined;
  /** ms since the last row or dead letter was stored, by a clock that never jumps; undefined: none yet. */
  sinceLastBatchMs(): number | undefined;
  oldestHeldMs(): number;
  /** ms that the oldest running batch has taken so far or, where none runs, since the last one ended. */
  sinceProgressMs(): number;
  /** Messages that are ours and not settled yet. */
  held(): number;
  /** Those of them whose dead letters could not be stored so far. */
  unburied(): number;
  /** Finishes what is in flight, hands back what is left at the deadline, closes in order. */
  stop(deadline: AbortSignal): Promise<void>;
}

export interface WorkOptions {
  config: NormalizeConfig;
  migrations: URL;
  metrics: NormalizeMetrics;
  log: Log;
  /** Aborted when the process is told to stop. */
  signal: AbortSignal;
}

/** A held message is touched three times within its ack wait, so that one lost touch does no harm. */
const TOUCHES_PER_ACK_WAIT = 3;

/** Begins: NATS and the database, the durable, each for as long as it takes. */
export function startWork({ config, migrations, metrics, log, signal }: WorkOptions): Work {
  let link: NatsLink | undefined;
  let migrated = false;
  let attachment: Attachment | undefined;
  let settler: ReturnType<typeof createSettler> | undefined;
  let lastBatchAt: number | undefined;
  /** When the batch on each connection began, and when the last one ended. */
  const beganAt = new Map<Lane, number>();
  let lastEndedAt = performance.now();
  let sweeping: Promise<void> | undefined;
  /** Ends what waits or looks; the loop itself is ended by stop(). */
  const ending = new AbortController();
  const recordSpan = createConsumeSpans(config.telemetry.enabled, config.telemetry.sampleRatio);

  /** The durable as last read: while another is looked for, what is held is still bound by its limits. */
  let known: Binding | undefined;
  const limits = (): Pick<Binding, 'ackWaitMs' | 'maxDeliver'> =>
    (known = attachment?.binding() ?? known) ?? config;
  const ackWaitMs = (): number => limits().ackWaitMs;
  const maxDeliver = (): number => limits().maxDeliver;
  const statementTimeoutMs = (): number => Math.round(Math.min(15_000, Math.max(1_000, ackWaitMs() / 3)));
  const lane = (name: string, more: Partial<LaneOptions> = {}) =>
    createLane({ url: config.databaseUrl, name: `normalize-service ${name}`, statementTimeoutMs, ...more });
  const lanes = Array.from({ length: config.databaseConnections }, (_, i) => lane(`${i + 1}`));
  const control = lane('control');
  const sweepLane = lane('sweeper', { idleInTransactionMs: 60_000 }); // it reads streams in its transaction

  const gate = createGate({
    probe: () => control.probe(),
    onOpen: () => loop.kick(),
    log,
    signal: ending.signal,
  });
  const loop = createLoop({
    lanes,
    async handle(lane, batch) {
      beganAt.set(lane, performance.now());
      try {
        return await handleBatch(lane, batch);
      } finally {
        beganAt.delete(lane);
        lastEndedAt = performance.now();
      }
    },
    settle: (incoming, outcome) => settler?.settle(incoming, outcome),
    giveBack: (incoming) => settler?.giveBack(incoming),
    maxDeliver,
    gate,
    pace: createPace(config.batchSize, config.databaseConnections),
    onBatch(size, ms, stored) {
      if (stored) lastBatchAt = performance.now();
      metrics.batch(size, ms, stored);
    },
    onRoom: () => attachment?.ask(),
  });

  /** By the durable's live ack wait, which may be much shorter than the configured one. */
  let touching: NodeJS.Timeout | undefined;
  const touchHeld = (): void => {
    clearTimeout(touching);
    const due = performance.now() - ackWaitMs() / TOUCHES_PER_ACK_WAIT;
    for (const incoming of loop.held()) {
      if (incoming.receivedAt >= due) break; // in the order received
      settler?.touch(incoming);
    }
    touching = setTimeout(touchHeld, Math.min(10_000, ackWaitMs() / TOUCHES_PER_ACK_WAIT));
  };
  touchHeld();

  const begun = begin();

  async function begin(): Promise<void> {
    await Promise.all([openLink(), migrateUntilDone()]);
    if (!link || signal.aborted) return;
    const { nc, connected } = link;
    const jsm = await nc.jetstreamManager({ checkAPI: false });
    settler = createSettler({
      link,
      dlqPrefix: config.dlqPrefix,
      durable: config.durable,
      maxDeliver,
      isBuried: createBuriedCheck(nc, jsm, config.dlqPrefix),
      log,
      signal: ending.signal,
      onSettled(incoming, outcome) {
        if (outcome.kind === 'deadLetter') lastBatchAt = performance.now();
        metrics.settled(incoming, outcome, Date.now());
        recordSpan(incoming, outcome);
      },
    });
    attachment = attach({
      link,
      jsm,
      config,
      room: () => (settler!.unburied() > 0 ? 0 : loop.room()),
      roomBytes: () => loop.roomBytes(),
      onTie: () => settler?.sayAgain(),
      onMessage: (incoming) => loop.receive(incoming),
      onBound(binding) {
        metrics.bound(binding);
        touchHeld(); // its ack wait may be much shorter than the last one's
      },
      log,
      signal,
    });
    sweeping = sweepRegularly({
      intervalMs: config.sweepIntervalMs,
      canSweep: () => connected() && gate.isOpen(),
      sweep: () => sweep({ nc, jsm, lane: sweepLane, config, onSwept: metrics.swept, log, signal }),
      log,
      signal,
    });
  }

  async function openLink(): Promise<void> {
    const { natsUrl: url, natsCreds: credsFile } = config;
    link = await openNatsLink({ url, credsFile, name: 'normalize-service', log, signal });
  }

  async function migrateUntilDone(): Promise<void> {
    const backoff = createBackoff(250, 2_000);
    let said = '';
    while (!signal.aborted) {
      try {
        await migrate(config.databaseUrl, migrations, log, signal);
        if (signal.aborted) return;
        migrated = true;
        return;
      } catch (error) {
        const message = messageOf(error);
        if (message !== said) log.error(`[normalize] Database is not ready: ${message}. Trying again.`);
        said = message;
        await backoff.pause(signal);
      }
    }
  }

  return {
    natsConnected: () => link?.connected() ?? false,
    databaseConnected: () => migrated && gate.isOpen(),
    binding: () => attachment?.binding(),
    sinceLastBatchMs: () => (lastBatchAt === undefined ? undefined : performance.now() - lastBatchAt),
    oldestHeldMs: () => loop.oldestHeldMs(),
    sinceProgressMs: () =>
      performance.now() - (beganAt.size > 0 ? Math.min(...beganAt.values()) : lastEndedAt),
    held: () => [...loop.held()].length,
    unburied: () => settler?.unburied() ?? 0,
    async stop(deadline) {
      await unlessAborted(begun, deadline);
      await attachment?.stop();
      await loop.stop(deadline);
      await settler?.flush(deadline);
      clearTimeout(touching);
      await unlessAborted(sweeping, deadline);
      ending.abort();
      await link?.close(deadline);
      await Promise.all([...lanes, control, sweepLane].map((one) => one.close()));
    },
  };
}
