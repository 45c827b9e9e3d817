#!/usr/bin/env node
import { readIngestConfig } from './ingest/config.ts';
import { startIngest } from './ingest/service.ts';
import { runService } from './shared/lifecycle.ts';

const migrations = new URL('../migrations/', import.meta.url);
let stopTimeoutMs = 0;

await runService(
  'ingest-service',
  (log, signal) => {
    const config = readIngestConfig(process.env);
    stopTimeoutMs = config.stopTimeoutMs;
    return startIngest(config, migrations, log, signal);
  },
  () => stopTimeoutMs,
);
