import { messageOf, OpsError } from '@aa-ops/topology';
import { findNatsServer, findPostgres } from './servers/index.ts';

// For scripts/setup.mjs: finds, or fetches, what the demo and the tests run on, so that none of them waits for it later.
try {
  const [nats, postgres] = await Promise.all([findNatsServer(), findPostgres()]);
  process.stderr.write(`setup: nats-server ${nats.version}, ${nats.how}\n`);
  process.stderr.write(`setup: PostgreSQL ${postgres.version}, ${postgres.how}\n`);
} catch (error) {
  const hint = error instanceof OpsError && error.hint ? `\nsetup: ${error.hint}` : '';
  process.stderr.write(`setup: ${messageOf(error)}${hint}\n`);
  process.exitCode = 1;
}
