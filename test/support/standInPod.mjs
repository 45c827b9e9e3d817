// A stand-in for a pod in tests of the platform: its environment says how it behaves.
//   READY_AFTER_MS  ready that long after its start · NEVER_READY  stays up, is never ready · CRASH  ends at once with code 3
//   TERM_MS         takes that long to end after SIGTERM · SLOW_MS  takes that long to answer POST /ingest/hrv
import { createServer } from 'node:http';

const env = process.env;
console.log(`stand-in ${env.POD_NAME} starts; mode ${env.EVENT_STREAM_MODE}`);
if (env.CRASH) {
  console.log('crashing as told');
  process.exit(3);
}
const readyAt = Date.now() + Number(env.READY_AFTER_MS ?? 0);

const server = createServer((request, response) => {
  if (request.url === '/readyz') {
    const ready = !env.NEVER_READY && Date.now() >= readyAt;
    response.writeHead(ready ? 200 : 503).end(ready ? 'ok' : 'not yet');
  } else if (request.url === '/env') {
    response.end(JSON.stringify(env));
  } else {
    let body = '';
    request.on('data', (chunk) => (body += chunk));
    request.on('end', () => {
      setTimeout(
        () => response.end(JSON.stringify({ pod: env.POD_NAME, method: request.method, body })),
        Number(env.SLOW_MS ?? 0),
      );
    });
  }
});
server.listen(Number(env.PORT), '127.0.0.1');

process.on('SIGTERM', () => {
  console.log('stopping');
  setTimeout(() => process.exit(0), Number(env.TERM_MS ?? 0));
});
