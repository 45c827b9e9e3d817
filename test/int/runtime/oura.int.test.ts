import { createHmac } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Bus, clear, startBus } from './bus.ts';
import { type IngestPod, startIngestPod } from './ingestPod.ts';

const WEBHOOK_SECRET = 'ours';
const CLIENT_SECRET = 'of the application at Oura';
const SECRETS = { OURA_WEBHOOK_SECRET: WEBHOOK_SECRET, OURA_CLIENT_SECRET: CLIENT_SECRET };
/** As Oura sends it. */
const NOTIFICATION = JSON.stringify({
  event_type: 'update',
  data_type: 'daily_sleep',
  object_id: '8b4c7d9e',
  event_time: '2025-10-02T07:00:00+00:00',
  user_id: 'oura-user',
});
const TIMESTAMP = '1759388400';

const hmac = (secret: string, signed: string): string =>
  createHmac('sha256', secret).update(signed).digest('hex');
/** As Oura signs: in upper case, over timestamp and body. */
const signed = (body: string, secret = CLIENT_SECRET): Record<string, string> => ({
  'x-oura-timestamp': TIMESTAMP,
  'x-oura-signature': hmac(secret, TIMESTAMP + body).toUpperCase(),
});

describe("Oura's webhook", () => {
  let bus: Bus;
  let pod: IngestPod | undefined;

  beforeAll(async () => {
    bus = await startBus();
  });
  afterAll(() => bus.stop());
  beforeEach(async () => {
    await clear(bus);
    await bus.jsm.streams.add({ name: 'AA_VENDOR_HOT', subjects: ['vendor.>'], duplicate_window: 120e9 });
  });
  afterEach(async () => {
    await pod?.stop();
    pod = undefined;
  });

  const post = (body: string, headers: Record<string, string>): Promise<Response> =>
    fetch(`${pod!.url}/webhooks/oura`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body,
    });
  const challenge = (query: Record<string, string>): Promise<Response> =>
    fetch(`${pod!.url}/webhooks/oura?${new URLSearchParams(query).toString()}`);
  const stored = async (): Promise<number> => (await bus.jsm.streams.info('AA_VENDOR_HOT')).state.messages;

  it('stores a notification as it came, once, however often Oura repeats it', async () => {
    pod = await startIngestPod(bus, SECRETS);
    for (let times = 0; times < 2; times++) {
      const response = await post(NOTIFICATION, signed(NOTIFICATION));
      expect([response.status, await response.json()]).toEqual([
        200,
        { status: 'received', timestamp: expect.stringMatching(/^\d{4}-.*Z$/) },
      ]);
    }
    expect(await stored()).toBe(1);
    const message = await bus.jsm.streams.getMessage('AA_VENDOR_HOT', { seq: 1 });
    expect([message.subject, new TextDecoder().decode(message.data)]).toEqual([
      'vendor.oura.webhook.received',
      NOTIFICATION,
    ]);
    expect(await (await fetch(`${pod.url}/metrics`)).text()).toContain(
      'event_bus_events_published_total{topic="vendor_oura_webhook_received",status="success"} 2',
    );
  });

  it('takes what is signed by Oura, or by our own tools, and nothing else', async () => {
    pod = await startIngestPod(bus, SECRETS);
    const own = `sha256=${hmac(WEBHOOK_SECRET, NOTIFICATION)}`;
    const byOura = signed(NOTIFICATION);
    const statuses = await Promise.all(
      [
        byOura,
        { ...byOura, 'x-oura-signature': byOura['x-oura-signature']!.toLowerCase() },
        signed(NOTIFICATION, WEBHOOK_SECRET),
        { 'x-oura-signature': own },
        {},
        { ...byOura, 'x-oura-timestamp': '1759388401' },
        { 'x-oura-signature': byOura['x-oura-signature']! },
        { 'x-oura-signature': `sha256=${hmac(CLIENT_SECRET, NOTIFICATION)}` },
        signed(NOTIFICATION, 'guessed'),
        signed(`${NOTIFICATION} `),
      ].map(async (headers) => (await post(NOTIFICATION, headers)).status),
    );
    expect(statuses).toEqual([200, 200, 200, 200, 401, 401, 401, 401, 401, 401]);
    expect(await stored()).toBe(1);
  });

  it.each(['[]', '"text"', '{"event_type"', ''])('refuses %j though it is signed', async (body) => {
    pod = await startIngestPod(bus, SECRETS);
    const response = await post(body, signed(body));
    expect([response.status, await response.text()]).toEqual([
      400,
      expect.stringContaining('the notification is no JSON object'),
    ]);
    expect(await stored()).toBe(0);
  });

  it('gives the challenge back to whoever knows the verification token', async () => {
    pod = await startIngestPod(bus, { ...SECRETS, OURA_VERIFICATION_TOKEN: 'of the subscription' });
    const known = await challenge({ verification_token: 'of the subscription', challenge: 'a+b "c"' });
    expect([known.status, await known.json()]).toEqual([200, { challenge: 'a+b "c"' }]);
    const refused = await challenge({ verification_token: WEBHOOK_SECRET, challenge: 'abc' });
    expect([refused.status, await refused.text()]).toEqual([401, expect.not.stringContaining('abc')]);
    const none = await challenge({ verification_token: 'of the subscription' });
    expect([none.status, await none.text()]).toEqual([400, expect.stringContaining('"field":"challenge"')]);
  });

  it('takes the webhook secret for the verification token where there is no other', async () => {
    pod = await startIngestPod(bus, SECRETS);
    const response = await challenge({ verification_token: WEBHOOK_SECRET, challenge: 'abc' });
    expect(response.status).toBe(200);
  });

  it('has Oura come again where no stream takes the notification, and loses nothing', async () => {
    pod = await startIngestPod(bus, { ...SECRETS, INGEST_PUBLISH_TIMEOUT_MS: '1500' });
    await bus.jsm.streams.delete('AA_VENDOR_HOT');
    const refused = await post(NOTIFICATION, signed(NOTIFICATION));
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1']);
  });

  it('has no door where it has no secret, and says that half of a configuration is none', async () => {
    pod = await startIngestPod(bus);
    expect((await post(NOTIFICATION, signed(NOTIFICATION))).status).toBe(404);
    await expect(startIngestPod(bus, { OURA_VERIFICATION_TOKEN: 'x' })).rejects.toThrow(
      'OURA_WEBHOOK_SECRET is not',
    );
  });
});
