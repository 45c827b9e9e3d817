#!/usr/bin/env node
import { runService } from './shared/lifecycle.ts';
import { readNormalizeConfig } from './normalize/config.ts';
import { startNormalize } from './normalize/service.ts';
import { keepHeapSmall } from './shared/smallHeap.ts';

/** Beside dist/ and src/ alike. */
const migrations = new URL('../migrations/', import.meta.url);
let stopTimeoutMs = 0;
keepHeapSmall();

await runService(
  'normalize-service',
  (log, signal) => {
    const config = readNormalizeConfig(process.env);
    stopTimeoutMs = config.stopTimeoutMs;
    return startNormalize(config, migrations, log, signal);
  },
  () => stopTimeoutMs,
);
