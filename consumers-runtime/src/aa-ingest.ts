#!/usr/bin/env node
import { readIngestConfig } from './ingest/config.ts';
import { startIngest } from './ingest/service.ts';
import { runService } from './shared/lifecycle.ts';

let stopTimeoutMs = 0;

await runService(
  'ingest-service',
  (log, signal) => {
    const config = readIngestConfig(process.env);
    stopTimeoutMs = config.stopTimeoutMs;
    return startIngest(config, log, signal);
  },
  () => stopTimeoutMs,
);
