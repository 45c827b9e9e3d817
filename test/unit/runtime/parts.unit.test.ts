import type { Msg } from 'nats';
import { describe, expect, it } from 'vitest';
import { readIngestConfig } from '../../../consumers-runtime/src/ingest/config.ts';
import { readNormalizeConfig } from '../../../consumers-runtime/src/normalize/config.ts';
import { hears } from '../../../consumers-runtime/src/normalize/hears.ts';
import { readIncoming } from '../../../consumers-runtime/src/normalize/message.ts';
import { createPace } from '../../../consumers-runtime/src/normalize/pace.ts';
import { createLog, limitWarnings } from '../../../consumers-runtime/src/shared/log.ts';
import { redactUrl } from '../../../consumers-runtime/src/shared/natsLink.ts';

describe('the reply subject of a delivery', () => {
  const read = (reply: string): unknown => {
    const incoming = readIncoming({ reply, data: new Uint8Array() } as Msg);
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

  it('of two streams with a common beginning is told apart', () => {
    expect(read('$JS.ACK.AA.d.1.1.1.1000000.0')).toMatchObject({ stream: 'AA' });
    expect(read('$JS.ACK.AAB.d.1.1.1.1000000.0')).toMatchObject({ stream: 'AAB' });
    expect(read('$JS.ACK.AA.d.1.1.1.1000000.0')).toMatchObject({ stream: 'AA' });
  });

  it('comes with the payload, wherever in the socket’s buffer that lies', () => {
    const buffer = new TextEncoder().encode('xxxpayloadyyy');
    const incoming = readIncoming({
      reply: '$JS.ACK.AA.d.1.1.1.1000000.0',
      subject: 'a.b',
      data: buffer.subarray(3, 10),
    } as Msg)!;
    expect(new TextDecoder().decode(incoming.data)).toBe('payload');
    expect(incoming.subject).toBe('a.b');
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
  ])('refuses %j', (env, message) => {
    expect(() => readNormalizeConfig({ ...given, ...env } as never)).toThrow(message);
  });

  it('takes other candidates, and a prefix with the wildcard that the runbook writes', () => {
    const config = readNormalizeConfig({
      ...given,
      EVENT_STREAM_CANDIDATES: 'A, B',
      NORMALIZE_HRV_DLQ_SUBJECT: 'dlq.x.*',
    });
    expect([config.candidates, config.dlqPrefix]).toEqual([['A', 'B'], 'dlq.x']);
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

  it('never show a password', () => {
    expect(redactUrl('nats://u:p@a:1,nats://x:y@b:2')).toBe('nats://***@a:1,nats://***@b:2');
  });
});
