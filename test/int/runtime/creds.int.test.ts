import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { nkeys } from 'nats';
import { expect, it, onTestFinished } from 'vitest';
import { openNatsLink } from '../../../consumers-runtime/src/shared/natsLink.ts';
import { startNats } from '../../support/servers.ts';
import { until } from './bus.ts';

type User = ReturnType<typeof nkeys.createUser>;

it('credentials that were rotated are read again, and a file that is met half written does no harm', async () => {
  const [first, second] = [nkeys.createUser(), nkeys.createUser()];
  const accept = (user: User): string => `authorization { users: [ { nkey: ${user.getPublicKey()} } ] }`;
  const nats = await startNats({ config: accept(first) });
  onTestFinished(() => nats.stop());
  const credsFile = join(nats.dir, 'pod.creds');
  writeFileSync(credsFile, credsOf(first));

  const lines: string[] = [];
  const write = (line: string): void => void lines.push(line);
  const running = new AbortController();
  const link = (await openNatsLink({
    url: nats.url,
    credsFile,
    name: 'test',
    log: { info: write, warn: write, error: write },
    signal: running.signal,
  }))!;
  onTestFinished(() => link.close(AbortSignal.timeout(1_000)));
  await link.nc.flush();

  writeFileSync(credsFile, '-----BEGIN NATS USER JWT-----\n');
  await nats.restart();
  await until('it is back with what it knew', () => lines.length === 2);

  writeFileSync(join(nats.dir, 'nats-server.conf'), accept(second));
  await nats.restart();
  await until('it was refused', () => /authentication error/i.test(nats.log()));
  writeFileSync(credsFile, credsOf(second));
  await until('it is back with the new ones', () => lines.length === 4 && link.connected());
  await link.nc.flush();
  expect(lines).toEqual(
    Array(2)
      .fill(['[event-bus] NATS connection lost. Reconnecting.', expect.stringContaining('is back')])
      .flat(),
  );
});

/** As `nsc` writes it. A server that knows its users by their keys does not look at the JWT. */
const credsOf = (user: User): string => `-----BEGIN NATS USER JWT-----
jwt
------END NATS USER JWT------

-----BEGIN USER NKEY SEED-----
${new TextDecoder().decode(user.getSeed())}
------END USER NKEY SEED------
`;
