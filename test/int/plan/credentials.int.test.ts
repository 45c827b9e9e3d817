import { rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { join } from 'node:path';
import { nkeys } from 'nats';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ConnectSettings, openReader } from '../../../topology/src/index.ts';
import { freePort, makeTempDir, startNats } from '../../support/servers.ts';

const dir = makeTempDir('credentials');
const file = (name: string, text: string): string => {
  writeFileSync(join(dir, name), text);
  return join(dir, name);
};
/** Something that listens: nobody may come before the files were found to be in order. */
let silent: Server;
let visits = 0;
beforeAll(async () => {
  silent = createServer(() => (visits += 1));
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
});
afterAll(() => {
  silent.close();
  rmSync(dir, { recursive: true });
});
const open = (settings: Partial<ConnectSettings>): Promise<unknown> =>
  openReader({
    servers: [`nats://127.0.0.1:${(silent.address() as AddressInfo).port}`],
    timeoutMs: 300,
    ...settings,
  }).then(
    (reader) => reader.close(),
    (error: unknown) => error,
  );

it('a file that is not what its option is for is named before anybody is asked', async () => {
  const wrong = file('secret.txt', 'swordfish\n');
  const absent = join(dir, 'absent.pem');
  const cases: [Partial<ConnectSettings>, string, string][] = [
    [
      { credsFile: wrong },
      'credentials-invalid',
      `${wrong} of --creds does not hold a user JWT and its seed`,
    ],
    [{ nkeyFile: wrong }, 'credentials-invalid', `${wrong} of --nkey does not hold an nkey seed`],
    [{ tls: { caFile: wrong } }, 'credentials-invalid', `${wrong} of --tls-ca does not hold a certificate`],
    [
      { tls: { certFile: wrong } },
      'credentials-invalid',
      `${wrong} of --tls-cert does not hold a certificate`,
    ],
    [{ tls: { keyFile: wrong } }, 'credentials-invalid', `${wrong} of --tls-key does not hold a key`],
    [{ credsFile: absent }, 'credentials-unreadable', `cannot read ${absent} of --creds`],
    [{ nkeyFile: absent }, 'credentials-unreadable', `cannot read ${absent} of --nkey`],
    [{ tls: { caFile: absent } }, 'credentials-unreadable', `cannot read ${absent} of --tls-ca`],
    [{ tls: { keyFile: absent } }, 'credentials-unreadable', `cannot read ${absent} of --tls-key`],
  ];
  for (const [settings, code, message] of cases) {
    const error = await open(settings);
    expect(error).toMatchObject({
      code,
      kind: 'usage',
      message: expect.stringContaining(message) as unknown,
      hint: expect.stringMatching(/^correct --/) as unknown,
    });
    expect((error as Error).message).not.toContain('swordfish');
  }
  expect(visits).toBe(0);
});

it('what is in order is taken', async () => {
  const user = nkeys.createUser();
  const seed = new TextDecoder().decode(user.getSeed());
  const server = await startNats({
    config: `accounts { A { jetstream: enabled, users: [{ nkey: ${user.getPublicKey()} }] } }`,
  });
  const { url } = server;
  expect(await open({ servers: [url], nkeyFile: file('user.nk', `${seed}\n`) })).toBeUndefined();
  const creds = [
    '-----BEGIN NATS USER JWT-----\nno.jwt.atall\n------END NATS USER JWT------\n',
    `-----BEGIN USER NKEY SEED-----\n${seed}\n------END USER NKEY SEED------\n`,
  ].join('\n');
  // Its shape is right: what it is worth is the server's to say.
  expect(await open({ servers: [url], credsFile: file('user.creds', creds) })).toBeUndefined();
  await server.stop();
});

it('only what waited is said to have waited', async () => {
  expect(await open({ servers: [`nats://127.0.0.1:${await freePort()}`] })).toMatchObject({
    code: 'nats-unreachable',
    message: expect.stringMatching(/^no NATS server answered at \S+: CONNECTION_REFUSED$/) as unknown,
  });
  expect(await open({})).toMatchObject({
    code: 'nats-unreachable',
    message: expect.stringContaining('within 300 ms') as unknown,
  });
});

it('a server without TLS that is asked for it is said to have none', async () => {
  const server = await startNats();
  try {
    for (const settings of [
      { servers: [server.url], tls: {} },
      { servers: [server.url.replace('nats:', 'tls:')], tls: {} },
    ])
      expect(await open(settings)).toMatchObject({
        code: 'nats-tls',
        message: expect.stringMatching(/127\.0\.0\.1:\d+ offers no TLS$/),
        hint: expect.stringContaining('write nats://HOST:PORT'),
      });
  } finally {
    await server.stop();
  }
});
