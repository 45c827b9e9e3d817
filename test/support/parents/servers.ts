// Started by orphans.int.test.ts, which kills it with -9: prints the numbers of what it started, one JSON line, and waits.
import { makeTempDir, startChild, startNats, startPostgres } from '../servers.ts';

const [nats, postgres] = await Promise.all([startNats(), startPostgres()]);
const logFile = `${makeTempDir('guarded')}/log`;
const guarded = await startChild({ command: 'sleep', args: ['600'], logFile, guard: 'watchdog' });
const folders = [nats.dir, postgres.dir];
process.stdout.write(`${JSON.stringify({ pids: [nats.pid, postgres.pid, guarded.pid], folders })}\n`);
setInterval(() => {}, 60_000);
