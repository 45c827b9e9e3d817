import { join } from 'node:path';
import { type NatsServer, type PostgresServer, startNats, startPostgres } from '../../servers/index.ts';
import { keepServer } from './keepServer.ts';
import { onPort, type PortWish } from './ports.ts';
import { markOf, type ServerState } from './state.ts';
import type { Supervisor } from './supervisor.ts';

/** Starts PostgreSQL and nats-server over the folder's data, and keeps them running until the platform goes down. */
export async function startServers(
  supervisor: Supervisor,
  wishes: { nats: PortWish; postgres: PortWish },
): Promise<{ nats: NatsServer; postgres: PostgresServer }> {
  const { dir, logs, before } = supervisor;
  const outcomes = await Promise.allSettled([
    onPort(wishes.postgres, before?.postgres?.port, async (port) => {
      const options = { dir: join(dir, 'postgres'), port, logFile: join(logs, 'postgres.log') };
      const server = await startPostgres(options);
      keep(supervisor, 'postgres', `PostgreSQL ${server.version}`, server);
      return server;
    }),
    onPort(wishes.nats, before?.nats?.port, async (port) => {
      const options = { dir: join(dir, 'nats'), port, logFile: join(logs, 'nats-server.log') };
      const server = await startNats({ ...options, serverName: 'aa-ops-dev' });
      keep(supervisor, 'nats', `nats-server ${server.version}`, server);
      return server;
    }),
  ]);
  const [postgres, nats] = outcomes;
  if (postgres.status === 'rejected') throw postgres.reason;
  if (nats.status === 'rejected') throw nats.reason;
  return { nats: nats.value, postgres: postgres.value };
}

function keep(
  { state, say, save, onDown }: Supervisor,
  key: 'nats' | 'postgres',
  name: string,
  server: NatsServer | PostgresServer,
): void {
  const note = (restarts: number): void => {
    const process = markOf(server.pid);
    const known: ServerState = { url: server.url, port: server.port, restarts };
    state[key] = process ? { ...known, process } : known;
    save();
  };
  const kept = keepServer(name, server, (line) => {
    say(line);
    note(kept.restarts);
  });
  onDown(() => kept.end());
  note(0);
  say(`${name} listens on port ${server.port}`);
}
