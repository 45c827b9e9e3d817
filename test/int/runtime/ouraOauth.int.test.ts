import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Bus, clear, startBus, until } from './bus.ts';
import { CLIENT_ID, CLIENT_SECRET, type FakeOura, startFakeOura } from './fakeOura.ts';
import { type IngestPod, startIngestPod } from './ingestPod.ts';

const BEARER = 'of-the-services';
const KEY = randomBytes(32).toString('base64');
/** As it is registered at Oura; the pods of a test have ports of their own. */
const REDIRECT_URI = 'https://ingest.example.com/oauth/oura/callback';

describe("Oura's OAuth flow", () => {
  let bus: Bus;
  let oura: FakeOura;
  let pod: IngestPod;
  const pods: IngestPod[] = [];

  const environment = (): Record<string, string> => ({
    OURA_TOKEN_KEY: KEY,
    OURA_OAUTH_TOKEN: BEARER,
    OURA_CLIENT_ID: CLIENT_ID,
    OURA_CLIENT_SECRET: CLIENT_SECRET,
    OURA_REDIRECT_URI: REDIRECT_URI,
    OURA_API_URL: oura.url,
    DATABASE_URL: bus.postgres.url,
  });
  async function start(env: Record<string, string> = {}): Promise<IngestPod> {
    const started = await startIngestPod(bus, { ...environment(), ...env });
    pods.push(started);
    return started;
  }

  beforeAll(async () => {
    bus = await startBus();
    oura = await startFakeOura(REDIRECT_URI);
  });
  afterAll(async () => {
    await oura?.stop();
    await bus?.stop();
  });
  beforeEach(async () => {
    await clear(bus);
    oura.grants.length = 0;
    oura.lifetimeS = 86_400;
    pod = await start();
  });
  afterEach(async () => {
    await Promise.all(pods.splice(0).map((one) => one.stop()));
  });

  async function ask(path: string, body: unknown, of = pod, bearer = BEARER): Promise<[number, Answer]> {
    const response = await fetch(`${of.url}/oauth/oura/${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${bearer}` },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
    return [response.status, (await response.json()) as Answer];
  }
  const begin = async (userId = 'u1'): Promise<string> => (await ask('authorize', { userId }))[1].url!;
  /** The athlete's browser, sent back by Oura. */
  const arrive = (callback: URL, of = pod): Promise<Response> =>
    fetch(`${of.url}${callback.pathname}${callback.search}`, { redirect: 'manual' });
  async function connect(userId = 'u1'): Promise<void> {
    expect((await arrive(oura.allow(await begin(userId)))).status).toBe(200);
  }
  const tokenOf = (userId = 'u1', of = pod): Promise<[number, Answer]> => ask('token', { userId }, of);

  it('connects an athlete, and tells services the access token', async () => {
    const [status, { url, expiresAt }] = await ask('authorize', { userId: 'u1' });
    expect(status).toBe(200);
    expect(Date.parse(expiresAt!)).toBeGreaterThan(Date.now() + 500_000);
    const asked = Object.fromEntries(new URL(url!).searchParams);
    expect(url).toMatch(/^https:\/\/cloud\.ouraring\.com\/oauth\/authorize\?/);
    expect(asked).toMatchObject({ response_type: 'code', client_id: CLIENT_ID, scope: 'daily' });
    expect(asked).toMatchObject({ redirect_uri: REDIRECT_URI, code_challenge_method: 'S256' });
    expect(asked['state']).not.toContain('u1');

    expect((await tokenOf())[0]).toBe(404);
    const response = await arrive(oura.allow(url!));
    expect([response.status, await response.json()]).toEqual([200, { status: 'connected' }]);
    expect(response.headers.get('cache-control')).toBe('no-store');
    const [, held] = await tokenOf();
    expect(held).toEqual({
      accessToken: [...oura.live].at(-1),
      expiresAt: expect.any(String),
      scope: 'daily',
    });
    expect((await tokenOf('u2'))[0]).toBe(404);
    expect(oura.grants).toEqual(['authorization_code']);
  });

  it('has what the athlete allows, which may be less', async () => {
    const wide = await start({ OURA_SCOPES: 'personal, daily' });
    const [, { url }] = await ask('authorize', { userId: 'u1' }, wide);
    expect(new URL(url!).searchParams.get('scope')).toBe('personal daily');
    await arrive(oura.allow(url!, 'daily'), wide);
    expect((await tokenOf())[1].scope).toBe('daily');
  });

  it('keeps tokens so that the database cannot read them, nor one athlete have those of another', async () => {
    await connect();
    await connect('u2');
    const { rows } = await bus.db.query<{ sealed: string }>('SELECT * FROM oura_tokens');
    for (const secret of oura.live) expect(JSON.stringify(rows)).not.toContain(secret);
    expect(rows.map(({ sealed }) => Buffer.from(sealed, 'base64url').toString('latin1')).join()).not.toMatch(
      /access-|refresh-/,
    );
    await bus.db.query(
      "UPDATE oura_tokens SET sealed = (SELECT sealed FROM oura_tokens WHERE user_id = 'u1')",
    );
    expect((await tokenOf('u2'))[1].error).toMatchObject({ code: 'reconnect' });
    expect((await tokenOf('u1'))[0]).toBe(200);
    expect(pod.lines.join('\n')).not.toMatch(/access-|refresh-|code-/);
  });

  it('takes a new key, and knows the one before until all is renewed', async () => {
    await connect();
    const other = randomBytes(32).toString('base64');
    const both = await start({ OURA_TOKEN_KEY: `${other}, ${KEY}` });
    expect((await tokenOf('u1', both))[0]).toBe(200);
    expect((await tokenOf('u1', await start({ OURA_TOKEN_KEY: other })))[1].error).toMatchObject({
      code: 'reconnect',
    });
  });

  it('renews a token that is about to end, once, however many ask in however many pods', async () => {
    oura.lifetimeS = 30;
    await connect();
    const before = [...oura.live].at(-1);
    oura.lifetimeS = 86_400;
    const other = await start();
    let answerNow!: () => void;
    oura.until = new Promise((resolve) => (answerNow = resolve));
    const asked = Array.from({ length: 12 }, (_, n) => tokenOf('u1', n % 2 === 0 ? pod : other));
    await until('the other pod waits for the row', async () => {
      const waiting =
        "SELECT 1 FROM pg_stat_activity WHERE application_name = 'aa-ingest' AND wait_event_type = 'Lock'";
      return (await bus.db.query(waiting)).rowCount === 1;
    });
    answerNow();
    const answers = await Promise.all(asked);
    const tokens = new Set(answers.map(([, { accessToken }]) => accessToken));
    expect([...tokens]).toEqual([[...oura.live].at(-1)]);
    expect(tokens).not.toContain(before);
    expect(oura.grants).toEqual(['authorization_code', 'refresh_token']);
  });

  it('says that the athlete has to allow it again where Oura does not renew, and asks Oura no more', async () => {
    oura.lifetimeS = 1;
    await connect();
    oura.forget();
    for (let times = 0; times < 2; times++) {
      const [status, { error }] = await tokenOf();
      expect([status, error]).toMatchObject([409, { code: 'reconnect' }]);
    }
    expect(oura.grants).toEqual(['authorization_code', 'refresh_token']);
    oura.lifetimeS = 86_400;
    await connect();
    expect((await tokenOf())[0]).toBe(200);
  });

  it('keeps what it has while Oura is away', async () => {
    oura.lifetimeS = 1;
    await connect();
    oura.faults.push(
      (response) => response.writeHead(503).end(),
      (response) => response.destroy(),
      (response) => response.writeHead(200, { 'content-type': 'application/json' }).end('{"no":'),
    );
    while (oura.faults.length > 0)
      expect(await tokenOf()).toMatchObject([503, { error: { code: 'oura-away' } }]);
    expect((await tokenOf())[0]).toBe(200);
  });

  it('takes a code again that Oura did not answer, or that somebody has only looked at', async () => {
    const callback = oura.allow(await begin());
    const looked = await fetch(`${pod.url}${callback.pathname}${callback.search}`, { method: 'HEAD' });
    expect([looked.status, oura.grants]).toEqual([204, []]);
    oura.faults.push((response) => response.writeHead(502).end());
    const away = await arrive(callback);
    expect([away.status, away.headers.get('retry-after')]).toEqual([503, '5']);
    expect((await arrive(callback)).status).toBe(200);
  });

  it('stores nothing of an athlete who does not allow it, of a code that is used, or of a state that is none', async () => {
    const denied = await arrive(oura.deny(await begin()));
    expect([denied.status, await denied.text()]).toEqual([403, expect.stringContaining('access_denied')]);
    const callback = oura.allow(await begin());
    callback.searchParams.set('code', 'code-guessed');
    expect((await arrive(callback)).status).toBe(403);
    const [mine, others] = [oura.allow(await begin('u1')), oura.allow(await begin('u2'))];
    mine.searchParams.set('code', others.searchParams.get('code')!);
    expect((await arrive(mine)).status).toBe(403); // the code's challenge was another athlete's
    for (const state of [
      '',
      'x',
      mine.searchParams.get('state')!.replace(/.$/, (last) => (last === 'A' ? 'Q' : 'A')),
    ]) {
      const changed = oura.allow(await begin());
      changed.searchParams.set('state', state);
      expect((await arrive(changed)).status).toBe(400);
    }
    expect((await bus.db.query('SELECT 1 FROM oura_tokens')).rowCount).toBe(0);
  });

  it('sends the browser on, with how it went', async () => {
    const sending = await start({ OURA_RETURN_URL: 'https://app.example.com/settings?tab=devices' });
    const states = [oura.allow(await begin()), oura.deny(await begin()), new URL(`${REDIRECT_URI}?state=x`)];
    for (const [n, outcome] of ['connected', 'denied', 'failed'].entries()) {
      const response = await arrive(states[n]!, sending);
      expect([response.status, response.headers.get('location')]).toEqual([
        302,
        `https://app.example.com/settings?tab=devices&oura=${outcome}`,
      ]);
    }
  });

  it('disconnects: Oura takes the token no more, and nothing is kept', async () => {
    await connect();
    const [, { accessToken }] = await tokenOf();
    oura.faults.push((response) => response.writeHead(500).end());
    expect((await ask('disconnect', { userId: 'u1' }))[0]).toBe(503);
    expect((await tokenOf())[0]).toBe(200);
    for (let times = 0; times < 2; times++)
      expect(await ask('disconnect', { userId: 'u1' })).toEqual([200, { status: 'disconnected' }]);
    expect(oura.live).not.toContain(accessToken);
    expect((await tokenOf())[0]).toBe(404);
  });

  it('is for whoever shows its token, and says what is wrong with a request', async () => {
    for (const path of ['authorize', 'token', 'disconnect']) {
      expect((await ask(path, { userId: 'u1' }, pod, 'guessed'))[0]).toBe(401);
      for (const body of [
        '',
        '{',
        'null',
        '[]',
        {},
        { userId: '' },
        { userId: 7 },
        { userId: 'x'.repeat(129) },
        { userId: '\0' },
      ])
        expect(await ask(path, body)).toMatchObject([
          400,
          { error: { code: 'invalid-user', field: 'userId' } },
        ]);
      expect((await ask(path, 'x'.repeat(20_000)))[0]).toBe(413);
    }
  });

  it('is answered by 503 while the database is away, and loses no code by it', async () => {
    const away = await start({ DATABASE_URL: 'postgresql://nobody:secret@127.0.0.1:1/none' });
    const callback = oura.allow(await begin());
    const response = await arrive(callback, away);
    const text = await response.text();
    expect([response.status, text]).toEqual([503, expect.stringContaining('database-away')]);
    expect(text + away.lines.join()).not.toContain('secret');
    expect((await fetch(`${away.url}/readyz`)).status).toBe(200);
    expect((await arrive(callback)).status).toBe(200);
  });

  it('is not there without its key, and says what else it needs', async () => {
    const without = await startIngestPod(bus, {
      OURA_CLIENT_ID: CLIENT_ID,
      OURA_CLIENT_SECRET: CLIENT_SECRET,
    });
    pods.push(without);
    expect((await fetch(`${without.url}/oauth/oura/callback`)).status).toBe(404);
    for (const name of [
      'OURA_OAUTH_TOKEN',
      'OURA_CLIENT_ID',
      'OURA_CLIENT_SECRET',
      'OURA_REDIRECT_URI',
      'DATABASE_URL',
    ])
      await expect(start({ [name]: '' })).rejects.toThrow(`${name} is not set`);
    const short = randomBytes(16).toString('base64');
    await expect(start({ OURA_TOKEN_KEY: short })).rejects.toThrow(
      'OURA_TOKEN_KEY is not 32 bytes in base64',
    );
    await expect(start({ OURA_TOKEN_KEY: short })).rejects.not.toThrow(short);
    await expect(start({ OURA_RETURN_URL: 'http://app.example.com/' })).rejects.toThrow('no URL of HTTPS');
    await expect(start({ OURA_OAUTH_TOKEN: 'a b' })).rejects.toThrow('has a blank inside');
  });
});

interface Answer {
  url?: string;
  expiresAt?: string;
  accessToken?: string;
  scope?: string;
  status?: string;
  error?: { code: string; field?: string };
}
