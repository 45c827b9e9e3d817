import { consumers, foreignSubjects, jetStream, liveMode, natsServer, streams } from './accountChecks.ts';
import { logBinding, logFallback, logNoConsumer } from './bindingLogChecks.ts';
import type { Check } from './check.ts';
import { platformRights, workloadsStand } from './clusterChecks.ts';
import { databaseReady, databaseWrites } from './databaseChecks.ts';
import { deadLetters } from './deadLetterChecks.ts';
import { e2e, ingestErrors, metricsByStream, publishedMetric, streamCounts } from './flowChecks.ts';
import { health } from './healthChecks.ts';
import { logCandidates, logDeadLetters, logErrors, logMode } from './logChecks.ts';
import { configMap, platformAnswers, podsReady } from './podChecks.ts';
import { strayMessages } from './strayChecks.ts';
import { knownModes, nodeVersion } from './toolChecks.ts';

const account: readonly Check[] = [liveMode, streams, consumers];
const logs: readonly Check[] = [
  logMode,
  logCandidates,
  logBinding,
  logFallback,
  logNoConsumer,
  logDeadLetters,
];
const flow: readonly Check[] = [e2e, metricsByStream, publishedMetric, ingestErrors, streamCounts];

/** The runbook's Prerequisites: access, tools, and Phase A (modes, candidates, dead letters, metrics, a smoke test). */
export const preflightChecks: readonly Check[] = [
  nodeVersion,
  natsServer,
  jetStream,
  platformAnswers,
  platformRights,
  workloadsStand,
  databaseReady,
  knownModes,
  ...account,
  foreignSubjects,
  configMap,
  podsReady,
  health,
  logCandidates,
  logDeadLetters,
  metricsByStream,
  e2e,
  deadLetters,
];

/** Before a way back, which something that is broken must neither stop nor delay: only what it works with. */
export const returnChecks: readonly Check[] = [
  natsServer,
  jetStream,
  platformAnswers,
  platformRights,
  liveMode,
  streams,
];

/**
 * Before the handover: the pods run in the new mode and work the new stream, which is fed by a copy, while the old one
 * still owns the subjects.
 */
export const bindingChecks: readonly Check[] = [
  ...account,
  configMap,
  podsReady,
  ...logs,
  health,
  ...flow,
  deadLetters,
];

/** After the handover: new owners, idle old ones, and events that still become rows. */
export const ownershipChecks: readonly Check[] = [
  ...account,
  podsReady,
  health,
  logBinding,
  logFallback,
  logNoConsumer,
  ...flow,
  strayMessages,
  deadLetters,
  databaseWrites,
];

/** The runbook's Verify Rollback and Health Check. What is red here ends a rollback with exit 5, and stops nothing. */
export const rollbackChecks: readonly Check[] = [
  ...account,
  configMap,
  podsReady,
  logMode,
  logCandidates,
  logBinding,
  health,
  e2e,
  metricsByStream,
  strayMessages,
  deadLetters,
];

/** Everything that can be asked at any time: the runbook's Post-Deployment Verification and its indicators. */
export const verifyChecks: readonly Check[] = [
  natsServer,
  jetStream,
  ...account,
  platformAnswers,
  configMap,
  podsReady,
  ...logs,
  logErrors,
  health,
  ...flow,
  strayMessages,
  deadLetters,
  databaseReady,
  databaseWrites,
];
