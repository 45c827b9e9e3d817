import type { Reply, Route } from '../shared/httpServer.ts';
import type { Binding } from './bind.ts';

/** What health is made of, read when somebody asks. */
export interface HealthSources {
  natsConnected(): boolean;
  /** Migrated, and the last statement did not say that nothing can be written. */
  databaseConnected(): boolean;
  binding(): Binding | undefined;
  /** ms since the last row or dead letter was stored, by a clock that never jumps; undefined: none yet. */
  sinceLastBatchMs(): number | undefined;
  oldestHeldMs(): number;
  /** ms that the oldest running batch has taken so far or, where none runs, since the last one ended. */
  sinceProgressMs(): number;
  /** Messages whose dead letters could not be stored so far. */
  unburied(): number;
  stopping(): boolean;
}

/**
 * A message that is held so long, while the database takes writes and no batch ends, means that the loop itself hangs. Far
 * beyond what one batch may take, so that no slow database and no locked row gets a pod killed.
 */
const STUCK_MS = 300_000;
/** Work that waits while nothing is stored for so long is not healthy, however open the sockets are. */
const IDLE_WITH_WORK_MS = 60_000;

/**
 * `/health` as the runbook prints it, and `work` beside it; 503 unless events become rows. `/readyz`: bound and able to
 * write. `/livez`: only what a restart would help with; that a server is away is not.
 */
export function healthRoutes(sources: HealthSources): Route[] {
  const startedAt = performance.now();

  function isWorking(): boolean {
    const binding = sources.binding();
    if (!binding || binding.pending === 0 || binding.paused) return true;
    return (
      Math.min(performance.now() - startedAt, sources.sinceLastBatchMs() ?? Infinity) < IDLE_WITH_WORK_MS
    );
  }

  const isReady = (): boolean =>
    sources.natsConnected() &&
    sources.databaseConnected() &&
    sources.binding() !== undefined &&
    !sources.stopping();

  function health(): Reply {
    const binding = sources.binding();
    const sinceLastBatchMs = sources.sinceLastBatchMs();
    const healthy = isReady() && isWorking() && sources.unburied() === 0;
    return {
      status: healthy ? 200 : 503,
      json: {
        status: healthy ? 'healthy' : 'unhealthy',
        timestamp: new Date().toISOString(),
        services: {
          database: sources.databaseConnected() ? 'connected' : 'disconnected',
          nats: sources.natsConnected() ? 'connected' : 'disconnected',
        },
        work: {
          stream: binding?.stream ?? null,
          durable: binding?.durable ?? null,
          pending: binding?.pending ?? null,
          ackPending: binding?.ackPending ?? null,
          paused: binding?.paused ?? null,
          unburied: sources.unburied(),
          oldestUnackedMs: Math.round(sources.oldestHeldMs()),
          lastBatchAt:
            sinceLastBatchMs === undefined ? null : new Date(Date.now() - sinceLastBatchMs).toISOString(),
        },
      },
    };
  }

  const verdict = (ok: boolean): Reply => ({
    status: ok ? 200 : 503,
    json: { status: ok ? 'ok' : 'not ok' },
  });
  const isStuck = (): boolean =>
    sources.databaseConnected() &&
    sources.unburied() === 0 &&
    Math.min(sources.oldestHeldMs(), sources.sinceProgressMs()) > STUCK_MS;
  return [
    { method: 'GET', path: '/health', handle: health },
    { method: 'GET', path: '/readyz', handle: () => verdict(isReady()) },
    { method: 'GET', path: '/livez', handle: () => verdict(!isStuck()) },
  ];
}
