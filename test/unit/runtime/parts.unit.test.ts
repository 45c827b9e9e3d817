import type { Msg } from 'nats';
import { describe, expect, it } from 'vitest';
import { readIngestConfig } from '../../../consumers-runtime/src/ingest/config.ts';
import { readNormalizeConfig } from '../../../consumers-runtime/src/normalize/config.ts';
import { hears } from '../../../consumers-runtime/src/normalize/hears.ts';
import { readIncoming, type Tie } from '../../../consumers-runtime/src/normalize/message.ts';
import { createPace } from '../../../consumers-runtime/src/normalize/pace.ts';
import { createLog, limitWarnings } from '../../../consumers-runtime/src/shared/log.ts';
import { parseNatsUrl } from '../../../consumers-runtime/src/shared/natsUrl.ts';

const TIE: Tie = { stream: 'AA_CORE_HOT', created: '', state: 'sure' };

describe('the reply subject of a delivery', () => {
  const read = (reply: string): unknown => {
    const incoming = readIncoming({ reply, data: new Uint8Array() } as Msg, TIE);
    if (!incoming) return undefined;
    const { stream, deliveries, seq, deliverySeq, storedMs } = incoming;
    return { stream, deliveries, seq, deliverySeq, storedMs };
  };
  const expected = {
    stream: 'AA_CORE_HOT',
    deliveries: 3,
    seq: 812,
    deliverySeq: 900,
    storedMs: 1_759_388_400_123,
  };

  it('is read in its short and its long form', () => {
    expect(read('$JS.ACK.AA_CORE_HOT.durable.3.812.900.1759388400123456789.7')).toEqual(expected);
    expect(read('$JS.ACK._.hash.AA_CORE_HOT.durable.3.812.900.1759388400123456789.7')).toEqual(expected);
    expect(read('$JS.ACK.domain.hash.AA_CORE_HOT.durable.3.812.900.1759388400123456789.7.random')).toEqual(
      expected,
    );
  });

  it('comes with the payload, wherever in the socket’s buffer that lies', () => {
    const buffer = new TextEncoder().encode('xxxpayloadyyy');
    const incoming = readIncoming(
      {
        reply: '$JS.ACK.AA.d.1.1.1.1000000.0',
        subject: 'a.b',
        data: buffer.subarray(3, 10),
      } as Msg,
      TIE,
    )!;
    expect(new TextDecoder().decode(incoming.data)).toBe('payload');
    expect(incoming.subject).toBe('a.b');
  });

  it('comes with the headers before it, `traceparent` in any case', () => {
    const head = 'NATS/1.0\r\nX-One: 1\r\nTraceParent:  00-ab-cd-01\r\n\r\n';
    const incoming = readIncoming(
      {
        reply: '$JS.ACK.AA.d.1.1.1.1000000.0',
        data: new TextEncoder().encode(`xxx${head}payload`).subarray(3 + head.length),
        _msg: { hdr: head.length },
      } as unknown as Msg,
      TIE,
    )!;
    expect(incoming.traceparent).toBe('00-ab-cd-01');
    expect(incoming.headers?.get('X-One')).toBe('1');
  });

  it('of another message is none', () => {
    expect(read('_INBOX.abc')).toBeUndefined();
    expect(read('$JS.ACK.too.short')).toBeUndefined();
  });
});

describe('configuration', () => {
  const given = { NATS_URL: 'nats://x', DATABASE_URL: 'postgresql://x' };

  it.each([
    [{ FEATURE_SERVICE_MANAGES_STREAMS: 'true' }, /aa-ops streams apply/],
    [{ NATS_URL: '' }, /NATS_URL is not set/],
    [{ DATABASE_URL: undefined }, /DATABASE_URL is not set/],
    [{ EVENT_STREAM_MODE: 'both' }, /EVENT_STREAM_MODE="both" is none of single, multi/],
    [{ PORT: '70000' }, /PORT="70000" is not a whole number between 0 and 65535/],
    [{ NORMALIZE_HRV_MAX_DELIVER: '0' }, /NORMALIZE_HRV_MAX_DELIVER="0"/],
    [{ NORMALIZE_HRV_DURABLE: 'a.b' }, /NORMALIZE_HRV_DURABLE="a.b" is no consumer name/],
    [{ NORMALIZE_HRV_DLQ_SUBJECT: 'dlq..x' }, /NORMALIZE_HRV_DLQ_SUBJECT="dlq..x"/],
    [{ TELEMETRY_ENABLED: 'maybe' }, /TELEMETRY_ENABLED="maybe" is neither true nor false/],
    [{ OTEL_TRACES_SAMPLER_ARG: '2' }, /between 0 and 1/],
    [{ EVENT_STREAM_CANDIDATES: 'A,,B' }, /has an empty item/],
    [{ EVENT_STREAM_CANDIDATES: 'A,B.C' }, /EVENT_STREAM_CANDIDATES="B.C" is no stream name/],
    [{ NATS_URL: 'nats://host:notaport' }, /^NATS_URL is not nats:\/\/(?!.*notaport)/],
    [{ NATS_URL: 'host:70000' }, /port between 1 and 65535/],
    [{ NATS_URL: 'http://host:4222' }, /^NATS_URL is not nats/],
    [{ NATS_URL: 'nats:/u:s3cret' }, /^NATS_URL is not (?!.*s3cret)/],
    [{ NATS_URL: 'nats://user:pa%zz@host' }, /^NATS_URL has a % .*: write it %25$/],
    [{ NATS_URL: 'nats://user:s3cret@host:x' }, /^NATS_URL is not (?!.*s3cret)/],
    [{ DATABASE_URL: 'not-a-url' }, /^DATABASE_URL is no URL of PostgreSQL, such as postgresql/],
    [{ DATABASE_URL: 'host=db user=u password=s3cret' }, /^DATABASE_URL is no URL (?!.*s3cret)/],
    [{ DATABASE_URL: 'jdbc:postgresql://db/x?password=s3cret' }, /^DATABASE_URL is no URL (?!.*s3cret)/],
    [{ DATABASE_URL: 'postgres//u:s3cret/db' }, /^DATABASE_URL is no URL (?!.*s3cret)/],
    [{ DATABASE_URL: 'mysql://a:s3cret@host/x' }, /^DATABASE_URL is no URL of PostgreSQL(?!.*s3cret)/],
    [{ DATABASE_URL: 'postgresql://a:s3cret/pw@host/x' }, /^DATABASE_URL is no URL .* \/ is written %2F/],
    [
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'nonsense' },
      /^OTEL_EXPORTER_OTLP_ENDPOINT is no URL of HTTP, such as http:/,
    ],
    [
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4318?key=s3cret' },
      /^OTEL_EXPORTER_OTLP_ENDPOINT is (?!.*s3cret)/,
    ],
    [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'u:p@host' }, /^OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is no URL/],
  ])('refuses %j', (env, message) => {
    expect(() => readNormalizeConfig({ ...given, ...env } as never)).toThrow(message);
  });

  it.each([
    'postgres://x',
    'postgresql://u:p@host:5432/name?sslmode=require',
    'postgresql://u@/name?host=/run/postgresql',
    'postgresql:///name?host=/run/postgresql',
    'postgresql://%2Frun%2Fpostgresql/name',
  ])('takes a database at %s', (url) => {
    expect(readNormalizeConfig({ ...given, DATABASE_URL: url }).databaseUrl).toBe(url);
  });

  it('takes other candidates, and a prefix with the wildcard that the runbook writes', () => {
    const config = readNormalizeConfig({
      ...given,
      EVENT_STREAM_CANDIDATES: 'A, B',
      NORMALIZE_HRV_DLQ_SUBJECT: 'dlq.x.*',
    });
    expect([config.candidates, config.dlqPrefix]).toEqual([['A', 'B'], 'dlq.x']);
  });

  it.each([
    [{ INGEST_TOKEN: '' }, /INGEST_TOKEN is set but blank/],
    [{ INGEST_HMAC_SECRET: ' ' }, /INGEST_HMAC_SECRET is set but blank/],
    [{ INGEST_TOKEN: 'to ken' }, /^INGEST_TOKEN has a blank inside(?!.*to ken)/],
  ])('of ingest refuses %j, which would open or close its door unnoticed', (env, message) => {
    expect(() => readIngestConfig({ NATS_URL: 'x', ...env } as never)).toThrow(message);
  });

  it('of ingest has its own port, and no second one', () => {
    expect(readIngestConfig({ NATS_URL: 'x' })).toMatchObject({
      port: 4101,
      prometheusPort: 0,
      token: undefined,
    });
  });
});

describe('pace', () => {
  it('shrinks when statements are slow, and grows back', () => {
    const pace = createPace(1_000, 3);
    pace.record(1_000, 2_000);
    expect([pace.batch(), pace.lanes()]).toEqual([1_000, 2]);
    pace.record(1_000, 8_000);
    expect([pace.batch(), pace.lanes()]).toEqual([500, 1]);
    for (let i = 0; i < 5; i++) pace.record(100, 60_000);
    expect([pace.batch(), pace.lanes()]).toEqual([100, 1]);
    for (let i = 0; i < 20; i++) pace.record(16, 5);
    expect([pace.batch(), pace.lanes()]).toEqual([1_000, 3]);
  });
});

describe('hears', () => {
  it.each([
    [['athlete-ally.>'], 'athlete-ally.hrv.raw-received', true],
    [['athlete-ally.*.raw-received'], 'athlete-ally.hrv.raw-received', true],
    [['athlete-ally.*'], 'athlete-ally.hrv.raw-received', false],
    [['athlete-ally.hrv.raw-received.>'], 'athlete-ally.hrv.raw-received', false],
    [['>'], 'a', true],
    [['_aa-ops.closed.X', 'sleep.*'], 'sleep.deep', true],
    [[], 'a', false],
  ])('%j of %s: %s', (subjects, subject, expected) => {
    expect(hears(subjects, subject)).toBe(expected);
  });
});

describe('log lines', () => {
  it('are limited a second, and what was left out is counted', async () => {
    const lines: string[] = [];
    const log = { ...createLog('x', 'plain'), warn: (line: string) => void lines.push(line) };
    const warn = limitWarnings(log, 2);
    const started = Math.floor(performance.now() / 1_000);
    while (Math.floor(performance.now() / 1_000) === started)
      await new Promise((resolve) => setTimeout(resolve, 5));
    for (let i = 0; i < 5; i++) warn(`line ${i}`);
    expect(lines).toEqual(['line 0', 'line 1']);
    while (Math.floor(performance.now() / 1_000) === started + 1)
      await new Promise((resolve) => setTimeout(resolve, 5));
    warn('next');
    expect(lines.slice(2)).toEqual(['(3 more lines like the ones above were left out)', 'next']);
  });
});

describe('NATS_URL', () => {
  const server = { servers: ['nats://host:4222'], hosts: 'host:4222' };
  it.each([
    ['nats://user:s3cret@host:4222', { ...server, credentials: { user: 'user', pass: 's3cret' } }],
    ['user:s3cret@host:4222', { ...server, credentials: { user: 'user', pass: 's3cret' } }],
    ['nats://user:p@ss@host:4222', { ...server, credentials: { user: 'user', pass: 'p@ss' } }],
    ['nats://user:p/s:s%40@host:4222/', { ...server, credentials: { user: 'user', pass: 'p/s:s@' } }],
    ['nats://t0ken@host:4222', { ...server, credentials: { token: 't0ken' } }],
    ['tls://host', { servers: ['tls://host'], hosts: 'host', credentials: undefined }],
    ['nats://[::1]:4222', { servers: ['nats://[::1]:4222'], hosts: '[::1]:4222', credentials: undefined }],
    [
      'nats://u:p@a:1, x:y@b:2',
      {
        servers: ['nats://a:1', 'nats://b:2'],
        hosts: 'a:1,b:2',
        credentials: { user: 'u', pass: 'p' },
      },
    ],
  ])('%s', (url, expected) => {
    expect(parseNatsUrl(url)).toEqual(expected);
  });
});
