// `dev up` as the frame calls it, for tests of its background mode: starts itself again without --detach.
import { devUp } from '../../../cli/src/commands/dev.ts';
import { startTimeOf } from '../../../cli/src/servers/index.ts';
import { standIn } from '../standIn.ts';

const [dir, testPid] = [process.argv[2]!, Number(process.argv[3])];
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort());
// What runs in the background outlives us, but not the test that started it.
const testStarted = startTimeOf(testPid);
setInterval(() => startTimeOf(testPid) === testStarted || stop.abort(), 500).unref();

const host = { notify: ({ message }: { message: string }) => void process.stderr.write(`${message}\n`) };
const detach = process.argv.includes('--detach');
const ports = { natsPort: 0, postgresPort: 0, frontDoorPort: 0 };
try {
  const result = await devUp({ host, signal: stop.signal }, { dir, detach, ...ports }, async () => ({
    program: () => standIn,
    environment: process.env['POD_CRASH'] ? { CRASH: '1' } : {},
    readyMs: process.env['POD_CRASH'] ? 5_000 : 30_000, // in which a process starts and ends, and pods get ready
  }));
  process.stdout.write(`${JSON.stringify(result.json)}\n`);
} catch (error) {
  process.stdout.write(`${JSON.stringify({ error: { ...(error as object), message: String(error) } })}\n`);
}
