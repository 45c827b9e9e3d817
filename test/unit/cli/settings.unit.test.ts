import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Environment, Notice, Topology } from '@aa-ops/topology';
import type { GlobalOptions } from '../../../cli/src/frame/command.ts';
import { readNatsContext } from '../../../cli/src/frame/natsContext.ts';
import { readServerUrls } from '../../../cli/src/frame/serverUrls.ts';
import { readSettings } from '../../../cli/src/frame/settings.ts';

let home: string;
let env: NodeJS.ProcessEnv;
const notices: Notice[] = [];
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'aa-settings-'));
  mkdirSync(join(home, 'nats', 'context'), { recursive: true });
  env = { XDG_CONFIG_HOME: home, HOME: '/home/someone' };
});
afterAll(() => rmSync(home, { recursive: true, force: true }));
afterEach(() => {
  notices.length = 0;
  vi.restoreAllMocks();
});

const write = (name: string, content: unknown): void =>
  writeFileSync(
    join(home, 'nats', 'context', `${name}.json`),
    typeof content === 'string' ? content : JSON.stringify(content),
  );

const settings = (
  options: Partial<GlobalOptions>,
  more: { env?: NodeJS.ProcessEnv; environment?: Partial<Environment> } = {},
) =>
  readSettings({
    options: { timeoutMs: 5_000, ...options } as GlobalOptions,
    env: { ...env, ...more.env },
    host: { notify: (notice) => void notices.push(notice) },
    topology: async () => {
      if (!more.environment) throw new Error('the topology was read');
      return { environment: more.environment } as Topology;
    },
  });

describe("a context of the nats CLI's", () => {
  it('is read whole, empty fields as unset, ~ as the home', async () => {
    write('full', {
      description: 'x',
      url: 'nats://a:1,nats://b:2',
      user: 'u',
      password: 'secret',
      token: '',
      creds: '~/x.creds',
      nkey: '',
      cert: '/c.pem',
      key: 'k.pem',
      ca: '/ca.pem',
      jetstream_domain: 'hub',
      inbox_prefix: '_INBOX_x',
      tls_first: true,
    });
    expect(await readNatsContext('full', env)).toEqual({
      servers: ['nats://a:1,nats://b:2'],
      user: 'u',
      password: 'secret',
      credsFile: '/home/someone/x.creds',
      tls: { caFile: '/ca.pem', certFile: '/c.pem', keyFile: 'k.pem', handshakeFirst: true },
      domain: 'hub',
      inboxPrefix: '_INBOX_x',
    });
  });

  it.each([
    ['broken', '{"password": "secret", ', 'context-invalid'],
    ['list', '["secret"]', 'context-invalid'],
    ['number', '{"url": 5, "password": "secret"}', 'context-invalid'],
    ['nsc', '{"nsc": "nsc://op/acc/user", "password": "secret"}', 'context-unsupported'],
    ['absent', undefined, 'context-unreadable'],
    ['../escape', undefined, 'context-invalid'],
  ])('%s is refused, and its contents are not told', async (name, content, code) => {
    if (content !== undefined) write(name, content);
    const error: unknown = await readNatsContext(name, env).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: 'OpsError', code, kind: 'usage' });
    expect(String(error)).not.toContain('secret');
  });
});

describe('the account', () => {
  it('is reached by --server, then NATS_URL, then --context, then the topology', async () => {
    write('c', { url: 'nats://context:1', user: 'u', password: 'secret' });
    const NATS_URL = 'nats://variable:1';
    const environment = { name: 'x', platform: 'none', servers: ['nats://file:1', 'nats://file:2'] } as const;
    const server = 'nats://given:1';
    const cases = [
      [{ server, context: 'c' }, { NATS_URL }, ['nats://given:1']],
      [{ context: 'c' }, { NATS_URL }, ['nats://variable:1']],
      [{ context: 'c' }, {}, ['nats://context:1']],
    ] as const;
    for (const [options, variables, servers] of cases)
      expect(await settings(options, { env: variables })).toMatchObject({
        servers,
        user: 'u',
        password: 'secret',
      });
    expect(
      (await settings({}, { environment: { ...environment, servers: [...environment.servers] } })).servers,
    ).toEqual(['nats://file:1', 'nats://file:2']);
    expect(notices.map(({ code }) => code)).toEqual(['nats-url-wins']);
  });

  it('of the local environment is where dev put it, while it runs', async () => {
    const folder = mkdtempSync(join(home, 'cwd-'));
    vi.spyOn(process, 'cwd').mockReturnValue(folder);
    const local = { name: 'local', platform: 'local', servers: ['nats://127.0.0.1:4223'] } as const;
    const read = async () =>
      (await settings({}, { environment: { ...local, servers: [...local.servers] } })).servers;
    expect(await read()).toEqual(['nats://127.0.0.1:4223']);
    mkdirSync(join(folder, '.aa-ops', 'dev'), { recursive: true });
    const state = join(folder, '.aa-ops', 'dev', 'state.json');
    writeFileSync(state, JSON.stringify({ status: 'up', nats: { url: 'nats://127.0.0.1:5555' } }));
    expect(await read()).toEqual(['nats://127.0.0.1:5555']);
    writeFileSync(state, JSON.stringify({ status: 'down', nats: { url: 'nats://127.0.0.1:5555' } }));
    expect(await read()).toEqual(['nats://127.0.0.1:4223']);
    writeFileSync(state, '{');
    expect(await read()).toEqual(['nats://127.0.0.1:4223']);
  });

  it('takes credentials from --creds and --nkey, then the URL, then the context, never mixed', async () => {
    write('creds', { url: 'nats://h:1', user: 'u', password: 'secret' });
    const withFile = await settings({ context: 'creds', creds: '/x.creds' });
    expect(withFile).toMatchObject({ credsFile: '/x.creds' });
    expect(withFile).not.toHaveProperty('password');
    const inUrl = await settings({ context: 'creds', server: 'nats://me:p%40ss@h:2' });
    expect(inUrl).toMatchObject({ servers: ['nats://h:2'], user: 'me', password: 'p@ss' });
  });

  it('has TLS for tls:// and for certificates', async () => {
    expect((await settings({ server: 'tls://h:4222' })).tls).toEqual({});
    expect((await settings({ server: 'h', tlsCa: '/ca' })).tls).toEqual({ caFile: '/ca' });
    expect(await settings({ server: 'h' })).not.toHaveProperty('tls');
  });
});

describe('server URLs', () => {
  it('are told how a comma of a password is written', () => {
    const thrown = (text: string): unknown => {
      try {
        return readServerUrls([text], '--server');
      } catch (error) {
        return error;
      }
    };
    expect(thrown('nats://adm:se,cret@host:4222')).toMatchObject({
      message: '--server is no NATS server: "nats://***@host:4222"',
      hint: expect.stringContaining('write , as %2C') as unknown,
    });
    expect(thrown('nats://adm:se%2Ccret@host:4222')).toMatchObject({ password: 'se,cret' });
  });

  it('may be many, bare, and carry a token', () => {
    expect(readServerUrls(['a, nats://b:5 ,tls://t0ken@c:6'], 'x')).toEqual({
      servers: ['nats://a', 'nats://b:5', 'tls://c:6'],
      token: 't0ken',
      tls: true,
    });
    expect(readServerUrls(['nats://[::1]:4222'], 'x').servers).toEqual(['nats://[::1]:4222']);
  });

  it.each([
    '',
    'a,,b',
    'http://h',
    'nats://',
    'a b',
    'nats://h:99999',
    'nats://h/path',
    'nats://u:secret@',
    'nats://u:secret,rest@h',
    'u:secret,rest@h',
    'nats://h:1,nats://u:x/secret@h',
    'nats://u:secret,y@h:1,h:99999',
  ])('%j is none, and no password is told', (text) => {
    expect(() => readServerUrls([text], '--server')).toThrow(/^--server is no NATS server(?!.*secret)/);
  });
});
