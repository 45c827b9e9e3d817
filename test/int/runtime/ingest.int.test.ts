import { createHmac } from 'node:crypto';
import net from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Bus, clear, event, startBus, SUBJECT, until } from './bus.ts';
import { startIngestPod } from './ingestPod.ts';

describe('ingest', () => {
  let bus: Bus;
  let stop: (() => Promise<void>) | undefined;
  let url: string;
  let port: number;
  let lines: string[];

  beforeAll(async () => {
    bus = await startBus();
  });
  afterAll(() => bus.stop());
  beforeEach(async () => {
    await clear(bus);
    await bus.jsm.streams.add({
      name: 'ATHLETE_ALLY_EVENTS',
      subjects: ['athlete-ally.>'],
      duplicate_window: 120e9,
    });
  });
  afterEach(async () => {
    await stop?.();
    stop = undefined;
  });

  async function start(env: Record<string, string> = {}): Promise<void> {
    const pod = await startIngestPod(bus, env);
    ({ url, port, lines } = pod);
    stop = () => pod.stop();
  }

  const post = (body: unknown, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(`${url}/ingest/hrv`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
  const stored = async (): Promise<number> =>
    (await bus.jsm.streams.info('ATHLETE_ALLY_EVENTS')).state.messages;

  it('answers as the runbook prints it, once the event is stored', async () => {
    await start();
    const response = await post(event());
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({
      status: 'received',
      timestamp: expect.stringMatching(/^\d{4}-.*Z$/),
    });
    const message = await bus.jsm.streams.getMessage('ATHLETE_ALLY_EVENTS', { seq: 1 });
    expect(message.subject).toBe(SUBJECT);
    expect(message.json()).toEqual(event({ capturedAt: '2025-10-02T07:00:00.000Z' }));
    expect(message.header.get('Nats-Msg-Id')).toMatch(/^hrv-[0-9a-f-]{36}$/);
    expect(await (await fetch(`${url}/health`)).text()).toBe(
      '{"status":"healthy","service":"ingest","eventBus":"connected"}',
    );
    const metrics = await (await fetch(`${url}/metrics`)).text();
    expect(metrics).toContain(
      'event_bus_events_published_total{topic="hrv_raw_received",status="success"} 1',
    );
    expect(metrics).toContain('http_requests_total{method="POST",route="/ingest/hrv",status="200"} 1');
    expect(metrics).toContain(
      'http_request_duration_seconds_count{method="POST",route="/ingest/hrv",status="200"} 1',
    );
  });

  it('puts the time of receipt where the event has no capturedAt', async () => {
    await start();
    const before = Date.now();
    await post(event({ capturedAt: undefined }));
    const { capturedAt } = (await bus.jsm.streams.getMessage('ATHLETE_ALLY_EVENTS', { seq: 1 })).json<{
      capturedAt: string;
    }>();
    expect(Date.parse(capturedAt)).toBeGreaterThanOrEqual(before);
    expect(Date.parse(capturedAt)).toBeLessThanOrEqual(Date.now());
  });

  it('stores two alike bodies twice, unless the client says that they are one by Idempotency-Key', async () => {
    await start();
    await Promise.all([post(event()), post(event())]);
    expect(await stored()).toBe(2);
    const key = { 'idempotency-key': 'one' };
    expect([(await post(event(), key)).status, (await post(event(), key)).status]).toEqual([200, 200]);
    expect(await stored()).toBe(3);
    await post(event({ userId: 'another' }), key); // a key used twice by mistake swallows nobody's event
    expect(await stored()).toBe(4);
    expect((await post(event(), { 'idempotency-key': 'x'.repeat(256) })).status).toBe(400);
  });

  it.each([
    ['{"userId"', '', 'the event is not JSON'],
    ['[]', '', 'the event must be an object, not an array of 0'],
    [event({ userId: undefined }), 'userId', 'userId is missing'],
    [event({ date: '2025-13-01' }), 'date', 'not "2025-13-01"'],
    [event({ rmssd: -5 }), 'rmssd', 'not -5'],
    [event({ capturedAt: 'now' }), 'capturedAt', 'not "now"'],
  ])('refuses %j and names field and value', async (body, field, message) => {
    await start();
    const response = await post(body);
    expect(response.status).toBe(400);
    const { error } = (await response.json()) as { error: { code: string; field: string; message: string } };
    expect([error.code, error.field]).toEqual(['invalid-event', field]);
    expect(error.message).toContain(message);
    expect(await stored()).toBe(0);
  });

  it('has a limit for bodies, told or not, and answers unknown paths and methods', async () => {
    await start({ INGEST_BODY_LIMIT: '200' });
    expect((await post(event({ userId: 'x'.repeat(300) }))).status).toBe(413);
    const socket = net.connect(port, '127.0.0.1');
    let answer = '';
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
    socket.on('error', () => {}); // it may be closed on us
    socket.write('POST /ingest/hrv HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n');
    socket.write(`400\r\n${'x'.repeat(0x400)}\r\n`);
    await until('a chunked one is refused', () => answer.startsWith('HTTP/1.1 413'));
    socket.destroy();
    expect((await fetch(`${url}/nowhere`)).status).toBe(404);
    const wrong = await fetch(`${url}/ingest/hrv`);
    expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'POST']);
  });

  it('counts a client that goes away in the middle of its body as 499, and logs no error', async () => {
    await start();
    const socket = net.connect(port, '127.0.0.1');
    socket.write('POST /ingest/hrv HTTP/1.1\r\nhost: x\r\ncontent-length: 200\r\n\r\n{"userId"', () =>
      socket.destroy(),
    );
    const counted = 'http_requests_total{method="POST",route="/ingest/hrv",status="499"} 1';
    await until('it is counted', async () =>
      (await (await fetch(`${url}/metrics`)).text()).includes(counted),
    );
    expect(await (await fetch(`${url}/metrics`)).text()).not.toMatch(/route="\/ingest\/hrv",status="5/);
    expect(lines.filter((line) => line.startsWith('error'))).toEqual([]);
    expect(lines).toContain('info [http] POST /ingest/hrv failed: the client went away');
  });

  it('asks for a token or a signature only where a secret is set', async () => {
    await start({ INGEST_TOKEN: 'token', INGEST_HMAC_SECRET: 'secret' });
    const body = JSON.stringify(event());
    const signature = createHmac('sha256', 'secret').update(body).digest('hex');
    const statuses = await Promise.all(
      [
        {},
        { authorization: 'Bearer wrong' },
        { authorization: 'Bearer token' },
        { 'x-signature': `sha256=${signature}` },
        { 'x-ingest-token': 'token', authorization: 'Bearer of somebody else' },
        { 'x-ingest-token': 'wrong' },
        { 'x-signature': `sha256=${signature.replace(/./, (c) => (c === '0' ? '1' : '0'))}` },
      ].map(async (headers) => (await post(body, headers as Record<string, string>)).status),
    );
    expect(statuses).toEqual([401, 401, 200, 200, 200, 401, 401]);
  });

  it('waits for a stream that comes back within the bound, and stores the event once', async () => {
    await start();
    await bus.jsm.streams.update('ATHLETE_ALLY_EVENTS', { subjects: ['nothing'] });
    const answering = post(event());
    await new Promise((resolve) => setTimeout(resolve, 100)); // a window of a slow handover
    await bus.jsm.streams.update('ATHLETE_ALLY_EVENTS', { subjects: ['athlete-ally.>'] });
    expect((await answering).status).toBe(200);
    expect(await stored()).toBe(1);
  });

  it('tells the client to come again when no stream takes the event', async () => {
    await start({ INGEST_PUBLISH_TIMEOUT_MS: '1500' }); // in which the server says no once, however slow the machine
    await bus.jsm.streams.delete('ATHLETE_ALLY_EVENTS');
    const refused = await post(event());
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1']);
    expect(await refused.text()).toContain('no stream takes the subject');
  });

  it('says in /health, not in /readyz, that no stream takes events, until one does or none came for a minute', async () => {
    await start({ INGEST_PUBLISH_TIMEOUT_MS: '1000' });
    await bus.jsm.streams.delete('ATHLETE_ALLY_EVENTS');
    const health = async (): Promise<unknown[]> => {
      const response = await fetch(`${url}/health`);
      return [response.status, await response.json(), (await fetch(`${url}/readyz`)).status];
    };
    await Promise.all([post(event()), post(event())]); // the event itself may be what no stream takes
    expect((await health())[0]).toBe(200);
    await post(event());
    const failing = {
      status: 'unhealthy',
      service: 'ingest',
      eventBus: 'connected',
      error: 'events are not stored: no stream takes the subject',
    };
    expect(await health()).toEqual([503, failing, 200]);
    await bus.jsm.streams.add({ name: 'ATHLETE_ALLY_EVENTS', subjects: ['athlete-ally.>'] });
    expect((await post(event())).status).toBe(200);
    expect(await health()).toEqual([
      200,
      { status: 'healthy', service: 'ingest', eventBus: 'connected' },
      200,
    ]);
  });

  it('tells the client to come again when NATS is away', async () => {
    await start({ INGEST_PUBLISH_TIMEOUT_MS: '300' });
    await bus.nats.kill();
    await until('health tells', async () => (await fetch(`${url}/health`)).status === 503);
    expect(await (await fetch(`${url}/health`)).text()).toBe(
      '{"status":"unhealthy","service":"ingest","eventBus":"disconnected"}',
    );
    expect((await post(event())).status).toBe(503);
    await bus.nats.restart();
    await until('health tells', async () => (await fetch(`${url}/health`)).ok);
    await until('the test is connected', () =>
      bus.jsm.streams.info('x').then(
        () => false,
        (error: Error) => error.message.includes('not found'),
      ),
    );
  });
});
