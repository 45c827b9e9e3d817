#!/usr/bin/env node
import { writeSync } from 'node:fs';
import { readVersion } from './frame/version.ts';

const argv = process.argv.slice(2);
if (argv.length === 1 && (argv[0] === '--version' || argv[0] === '-V')) {
  // Without the streams of process, which take as long to load as everything else here.
  try {
    writeSync(1, `${readVersion()}\n`);
  } catch {
    // Nobody reads it.
  }
} else {
  const { main } = await import('./frame/main.ts');
  await main(argv, readVersion());
}
