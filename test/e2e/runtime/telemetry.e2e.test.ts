import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Bus, drained, event, makeTopology, publish, startBus, until } from '../../int/runtime/bus.ts';
import { freePort } from '../../support/servers.ts';
import { isReady, type Process, start, startNormalize } from './processes.ts';

interface Span {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  kind: number;
  service: string;
  attributes: Record<string, unknown>;
}

describe('telemetry', () => {
  let bus: Bus;
  let collector: http.Server;
  let otlp: string;
  const spans: Span[] = [];
  let pods: Process[] = [];

  beforeAll(async () => {
    bus = await startBus();
    await makeTopology(bus);
    collector = http.createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        spans.push(...readSpans(body));
        response.end('{}');
      });
    });
    await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
    otlp = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;
  });
  afterAll(async () => {
    for (const pod of pods) pod.signal('SIGKILL');
    collector.close();
    await bus.stop();
  });

  it('makes one trace from the POST to the row, and one metrics document with what OpenTelemetry measured', async () => {
    const prometheusPort = String(await freePort());
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: otlp,
      OTEL_TRACES_SAMPLER_ARG: '1',
      OTEL_BSP_SCHEDULE_DELAY: '100',
    };
    const normalize = await startNormalize(bus, { ...env, PROMETHEUS_PORT: prometheusPort });
    const secret = { OURA_WEBHOOK_SECRET: 'never-in-a-span' };
    const ingest = await start('aa-ingest', { ...env, ...secret, NATS_URL: bus.nats.url });
    pods = [normalize, ingest];
    await until('ingest is ready', () => isReady(ingest));
    const response = await fetch(`${ingest.url}/ingest/hrv`, {
      method: 'POST',
      body: JSON.stringify(event()),
    });
    expect(response.status).toBe(200);
    await drained(bus);

    const consumed = (): Span | undefined => spans.find((span) => span.name === 'normalize.hrv.consume');
    await until(
      'both spans are sent',
      () => consumed() !== undefined && spans.some((span) => span.service === 'ingest-service'),
    );
    const span = consumed()!;
    const posted = spans.find((one) => one.spanId === span.parentSpanId)!;
    expect(posted).toMatchObject({ traceId: span.traceId, service: 'ingest-service', kind: 2, name: 'POST' });
    expect(span).toMatchObject({ service: 'normalize-service', kind: 5 });
    expect(span.attributes).toMatchObject({
      'messaging.system': 'nats',
      'messaging.destination': 'athlete-ally.hrv.raw-received',
      'messaging.operation': 'process',
      'messaging.nats.stream': 'ATHLETE_ALLY_EVENTS',
      'messaging.nats.stream_sequence': 1,
      'messaging.nats.delivery_sequence': 1,
      'messaging.redelivery_count': 0,
    });
    expect(spans.filter((one) => /health|readyz|metrics/.test(JSON.stringify(one.attributes)))).toEqual([]);

    const series = async (url: string): Promise<string[]> => {
      const text = await (await fetch(`${url}/metrics`)).text();
      return [...new Set(text.split('\n').filter((line) => line.startsWith('# TYPE')))];
    };
    const own = await series(normalize.url);
    expect(await series(`http://127.0.0.1:${prometheusPort}`)).toEqual(own);
    expect(own).toEqual(
      expect.arrayContaining([
        '# TYPE normalize_hrv_messages_total counter',
        '# TYPE event_bus_events_consumed_total counter',
        '# TYPE normalize_hrv_batch_size histogram',
        '# TYPE normalize_hrv_event_to_row_seconds histogram',
        '# TYPE normalize_hrv_pending gauge',
        '# TYPE normalize_hrv_ack_pending gauge',
        '# TYPE http_requests_total counter',
        '# TYPE target_info gauge',
      ]),
    );
    // The instrumentation's own view of the server's requests: what the handoff report never got to see.
    expect(own.filter((line) => /# TYPE http_server_(request_)?duration/.test(line))).toHaveLength(1);
    const text = await (await fetch(`${normalize.url}/metrics`)).text();
    expect(new Set(text.split('\n').filter((line) => line.startsWith('# TYPE'))).size).toBe(
      text.split('\n').filter((line) => line.startsWith('# TYPE')).length,
    );
    expect(text).toMatch(/normalize_hrv_event_to_row_seconds_bucket\{le="\+Inf"\} 1\n/);
  });

  it('shows what Oura asked for, but not the token in its URL', async () => {
    const ingest = pods[1]!;
    const query = 'verification_token=never-in-a-span&challenge=seen';
    expect((await fetch(`${ingest.url}/webhooks/oura?${query}`)).status).toBe(200);
    const asked = () => spans.find(({ attributes }) => attributes['url.path'] === '/webhooks/oura');
    await until('its span has arrived', () => asked() !== undefined);
    expect(asked()!.attributes['url.query']).toContain('challenge=seen');
    expect(JSON.stringify(spans)).not.toContain('never-in-a-span');
  });

  it('shows neither the code nor the state that a callback of the OAuth flow brings', async () => {
    const query = 'code=never-in-a-span&state=never-in-a-span&scope=daily';
    await fetch(`${pods[1]!.url}/oauth/oura/callback?${query}`);
    const asked = () => spans.find(({ attributes }) => attributes['url.path'] === '/oauth/oura/callback');
    await until('its span has arrived', () => asked() !== undefined);
    expect(asked()!.attributes['url.query']).toContain('scope=daily');
    expect(JSON.stringify(spans)).not.toContain('never-in-a-span');
  });

  it('follows the decision of the sender: an unsampled trace is not recorded', async () => {
    const before = spans.length;
    const { headers } = await import('nats');
    const unsampled = headers();
    unsampled.set('traceparent', '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00');
    await bus.nc
      .jetstream()
      .publish('athlete-ally.hrv.raw-received', JSON.stringify(event({ userId: 'a' })), {
        headers: unsampled,
      });
    const own = headers();
    own.set('traceparent', '00-11111111111111111111111111111111-b7ad6b7169203331-01');
    await bus.nc.jetstream().publish('athlete-ally.hrv.raw-received', 'poison', { headers: own });
    await publish(bus, event({ userId: 'b' }));
    await until(
      'the others are recorded',
      () => spans.slice(before).filter((span) => span.name === 'normalize.hrv.consume').length >= 2,
    );
    const recorded = spans.slice(before).filter((span) => span.name === 'normalize.hrv.consume');
    expect(recorded.map((span) => span.traceId)).not.toContain('0af7651916cd43dd8448eb211c80319c');
    const poisoned = recorded.find((span) => span.traceId === '1'.repeat(32))!;
    expect(poisoned.attributes['aa.outcome']).toBe('schema_invalid');
  });
});

/** OTLP's JSON, as flat as the assertions need it. */
function readSpans(body: string): Span[] {
  interface Attribute {
    key: string;
    value: { stringValue?: string; intValue?: number | string };
  }
  interface Raw extends Omit<Span, 'attributes' | 'service'> {
    attributes: Attribute[];
  }
  interface Batch {
    resource: { attributes: Attribute[] };
    scopeSpans: { spans: Raw[] }[];
  }
  const flat = (attributes: Attribute[]): Record<string, unknown> =>
    Object.fromEntries(
      attributes.map(({ key, value }) => [key, value.stringValue ?? Number(value.intValue)]),
    );
  return (JSON.parse(body) as { resourceSpans: Batch[] }).resourceSpans.flatMap((batch) =>
    batch.scopeSpans.flatMap((scope) =>
      scope.spans.map((span) => ({
        ...span,
        service: String(flat(batch.resource.attributes)['service.name']),
        attributes: flat(span.attributes),
      })),
    ),
  );
}
