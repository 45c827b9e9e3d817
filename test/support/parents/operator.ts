// Migrates Athlete Ally's topology and kills itself with -9 at a named point of the window; with `alone`, its guardian first; with `stop` it stands still
// there instead, once, until somebody wakes it.
import { writeSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import {
  type JetStreamWriter,
  LET_GO_PREFIX,
  type NatsConnection,
  type OpsError,
  openWriter,
  silentHost,
  type StreamConfig,
} from '@aa-ops/topology';
import { nonePlatform } from '../../../cli/src/platform/platform.ts';
import { DEFAULT_TIMEOUTS } from '../../../cli/src/runbook/context.ts';
import { migrate } from '../../../cli/src/runbook/migrate.ts';
import { type Death, guardiansOf } from '../guardians.ts';
import { OPTIONS } from '../runs.ts';
import { seedTopology } from '../topologies.ts';

const [url, runsDir, death, how] = process.argv.slice(2) as [string, string, Death, string | undefined];
let stopped = false;
/** Publishes that are let go before the death in the middle of it. */
const LET_GO = 3;
/** ms that the window is kept open, so that something is held in it. */
const WINDOW_MS = 100;

const never = (): Promise<never> => new Promise(() => {});
async function die(): Promise<void> {
  if (stopped) return;
  stopped = true;
  const guardians = guardiansOf(process.pid);
  writeSync(1, `${JSON.stringify({ guardians })}\n`);
  if (how === 'stop') {
    process.kill(process.pid, 'SIGSTOP');
    return;
  }
  if (how === 'alone') for (const pid of guardians) process.kill(pid, 'SIGKILL');
  process.kill(process.pid, 'SIGKILL');
  await never();
}

const account = await openWriter({ servers: [url] });
let takes = 0;

async function updateStream(config: StreamConfig): ReturnType<JetStreamWriter['updateStream']> {
  const isRelease = config.subjects!.every((subject) => subject.includes('.epoch.'));
  const isTake = config.subjects!.some((subject) => subject.includes('.barrier.'));
  if (isRelease && death === 'before-release') await die();
  if (isTake) {
    await delay(WINDOW_MS);
    takes += 1;
    if (takes === 2 && death === 'between-takes' && how !== 'stop') return never();
    if (takes === 2 && death === 'before-take') await die();
  }
  const info = await account.updateStream(config);
  if (isRelease && death === 'after-release') await die();
  if (isTake && death === 'between-takes') await die();
  if (takes === 2 && death === 'after-take') await die();
  return info;
}

let letGo = 0;
const publish: NatsConnection['publish'] = (subject, data, options) => {
  if (options?.reply?.startsWith(LET_GO_PREFIX) && death === 'letting-go') letGo += 1;
  if (how === 'stop') {
    if (letGo === LET_GO) void die();
    account.connection.publish(subject, data, options);
    return;
  }
  if (letGo === LET_GO) void account.connection.flush().then(die);
  if (letGo > LET_GO || (letGo > 0 && !options?.reply)) return; // nothing else leaves a process that is about to die
  account.connection.publish(subject, data, options);
};

const outcome = await migrate(
  {
    topology: seedTopology,
    settings: { servers: [url] },
    account: Object.create(account, {
      updateStream: { value: updateStream },
      connection: { value: Object.create(account.connection, { publish: { value: publish } }) as unknown },
    }) as JetStreamWriter,
    platform: nonePlatform,
    host: silentHost,
    signal: new AbortController().signal,
    runsDir,
    timeouts: DEFAULT_TIMEOUTS,
  },
  { to: 'multi', options: OPTIONS },
).catch((error: OpsError) => ({ json: { error: error.code } }));
writeSync(1, `${JSON.stringify({ survived: outcome.json })}\n`);
process.exit(1);
