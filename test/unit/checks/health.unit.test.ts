import { expect, test } from 'vitest';
import { judgeHealth } from '../../../cli/src/checks/healthChecks.ts';

const NORMALIZE =
  '{"status":"healthy","timestamp":"2025-10-02T07:00:00Z","services":{"database":"connected","nats":"connected"}}';
const INGEST = '{"status":"healthy","service":"ingest","eventBus":"connected"}';

test.each([
  ['green', 'consumer', 200, NORMALIZE],
  ['green', 'producer', 200, INGEST],
  ['green', 'producer', 200, INGEST.replace('}', ',"more":1}')],
  ['red', 'consumer', 503, NORMALIZE],
  ['red', 'consumer', 200, NORMALIZE.replace('healthy', 'unhealthy')],
  ['red', 'producer', 200, INGEST.replace('healthy', 'starting')],
  ['yellow', 'consumer', 200, NORMALIZE.replace('"database":"connected"', '"database":"disconnected"')],
  ['yellow', 'producer', 200, INGEST.replace('"connected"', '"disconnected"')],
  ['yellow', 'consumer', 200, INGEST],
  ['yellow', 'producer', 200, 'OK'],
  ['yellow', 'consumer', 200, '{"status":"healthy","services":null}'],
] as const)('%s: a %s that answers %i %s', (level, role, status, body) => {
  expect(judgeHealth('pod/health', role, status, body).level).toBe(level);
});
