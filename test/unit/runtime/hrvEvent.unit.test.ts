import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  checkHrvEvent,
  type HrvEvent,
  isInvalid,
  parseHrvEvent,
} from '../../../consumers-runtime/src/shared/hrvEvent.ts';

const valid = { userId: 'athlete-1', date: '2025-10-02', rmssd: 55, capturedAt: '2025-10-02T07:00:00Z' };
const fieldOf = (over: Record<string, unknown>): string | undefined => {
  const result = checkHrvEvent({ ...valid, ...over });
  return isInvalid(result) ? result.field : undefined;
};

describe('the HRV event', () => {
  it('is read with its instant in milliseconds', () => {
    expect(checkHrvEvent({ ...valid, capturedAt: '2025-10-02T09:00:00.1239+02:00' })).toEqual({
      userId: 'athlete-1',
      date: '2025-10-02',
      rmssd: 55,
      capturedAtMs: Date.parse('2025-10-02T07:00:00.123Z'),
    });
    expect(checkHrvEvent({ ...valid, capturedAt: undefined })).toMatchObject({ capturedAtMs: undefined });
  });

  it.each([
    ['2025-10-02T07:00Z'],
    ['2025-10-02T07:00:00,5Z'],
    ['2025-10-02t07:00:00z'],
    ['2025-10-02T07:00:00+0530'],
    ['2024-02-29T23:59:59.999999999-12:00'],
    ['2025-10-02T07:00-05'],
  ])('takes the instant %s', (capturedAt) => {
    expect(fieldOf({ capturedAt })).toBeUndefined();
  });

  it.each([
    ['2025-10-02T07:00:00'],
    ['2025-10-02'],
    ['2025-02-29T00:00:00Z'],
    ['2025-10-02T24:00:01Z'],
    ['0001-01-01T00:00:00+14:00'],
    ['Thu, 02 Oct 2025 07:00:00 GMT'],
    [''],
    ['2025-10-02T07:00:60Z'],
    ['2025-10-02T23:58:60Z'],
    ['2025-10-02T23:59:60+01:00'],
    ['1816-10-02T23:59:60+01:00'],
    ['2025-10-02T23:59:61Z'],
    ['9999-12-31T23:59:60Z'],
    ['2025-10-02T07:00:00+5'],
  ])('refuses the instant %j', (capturedAt) => {
    expect(fieldOf({ capturedAt })).toBe('capturedAt');
  });

  it.each([
    ['2025-10-02T12:00:00+05', '2025-10-02T07:00:00Z'],
    ['2016-12-31T23:59:60Z', '2017-01-01T00:00:00Z'],
    ['2016-12-31T23:59:60.5Z', '2017-01-01T00:00:00.500Z'],
    ['2017-01-01T05:29:60,25+05:30', '2017-01-01T00:00:00.250Z'],
    ['1816-12-31T18:59:60-05', '1817-01-01T00:00:00Z'],
  ])('reads %s as %s', (capturedAt, expected) => {
    expect(checkHrvEvent({ ...valid, capturedAt })).toMatchObject({ capturedAtMs: Date.parse(expected) });
  });

  it('reads an instant as Date.parse does, where the calendar has its day', () => {
    const part = (most: number, size: number) =>
      fc.integer({ min: 0, max: most }).map((n) => String(n).padStart(size, '0'));
    const fraction = fc.oneof(fc.constant(''), part(9, 1), part(99, 2), part(999, 3));
    fc.assert(
      fc.property(
        part(9_999, 4),
        part(13, 2),
        part(32, 2),
        part(25, 2),
        part(61, 2),
        part(61, 2),
        fraction,
        (year, month, day, hour, minute, second, digits) => {
          const text = `${year}-${month}-${day}T${hour}:${minute}:${second}${digits && `.${digits}`}Z`;
          const result = checkHrvEvent({ ...valid, capturedAt: text });
          const leaps = `${hour}:${minute}:${second}` === '23:59:60'; // which Date.parse does not know
          const parsed = leaps ? Date.parse(text.replace(':60', ':59')) + 1_000 : Date.parse(text);
          // Date.parse takes 2025-02-30 for the 2nd of March, and the year 0 for one.
          const midnight = Date.parse(`${year}-${month}-${day}T00:00:00Z`);
          const isDay =
            year !== '0000' && new Date(midnight || 0).toISOString().startsWith(`${year}-${month}-${day}`);
          const isRead =
            !Number.isNaN(parsed) &&
            !Number.isNaN(midnight) &&
            isDay &&
            parsed < Date.parse('+010000-01-01T00:00:00Z');
          expect(isInvalid(result) ? undefined : result.capturedAtMs).toBe(isRead ? parsed : undefined);
        },
      ),
      { numRuns: 20_000 },
    );
  });

  it('knows the calendar', () => {
    for (const date of ['2024-02-29', '2000-02-29', '0001-01-01', '9999-12-31'])
      expect(fieldOf({ date })).toBeUndefined();
    for (const date of [
      '2025-02-29',
      '1900-02-29',
      '2025-04-31',
      '2025-00-10',
      '2025-01-00',
      '0000-01-01',
      '25-01-01',
    ]) {
      expect(fieldOf({ date })).toBe('date');
    }
  });

  it('counts characters, not UTF-16 units', () => {
    expect(fieldOf({ userId: '😀'.repeat(128) })).toBeUndefined();
    expect(fieldOf({ userId: '😀'.repeat(129) })).toBe('userId');
    expect(fieldOf({ userId: 'x'.repeat(129) })).toBe('userId');
  });

  it('never shows a hostile value whole', () => {
    const result = checkHrvEvent({ ...valid, userId: 'x'.repeat(10_000_000) });
    expect(isInvalid(result) && result.message.length).toBeLessThan(200);
  });

  it('agrees with the calendar of the language on every day', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 9_999 }),
        fc.integer({ min: 0, max: 13 }),
        fc.integer({ min: 0, max: 32 }),
        (y, m, d) => {
          const date = [
            String(y).padStart(4, '0'),
            String(m).padStart(2, '0'),
            String(d).padStart(2, '0'),
          ].join('-');
          const parsed = new Date(`${date}T00:00:00Z`);
          const real = !Number.isNaN(parsed.getTime()) && parsed.toISOString().startsWith(date);
          expect(fieldOf({ date }) === undefined).toBe(real);
        },
      ),
      { numRuns: 3_000 },
    );
  });

  // A million inputs with AA_TEST_LONG; a share of them always.
  const runs = process.env.AA_TEST_LONG ? 250_000 : 5_000;
  const oddString = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom('\0', '\ud800', 'NULL', '{}', '2025-10-02', '2025-10-02T07:00:00Z'),
  );
  const oddValue = fc.oneof(
    fc.anything(),
    oddString,
    fc.double(),
    fc.constantFrom(-0, 1e308, 5e-324, Infinity, NaN),
  );

  it('survives any object, and what it accepts can be stored', () => {
    fc.assert(
      fc.property(
        fc.record(
          { userId: oddValue, date: oddValue, rmssd: oddValue, capturedAt: oddValue },
          { requiredKeys: [] },
        ),
        fc.constantFrom('userId', 'date', 'rmssd', 'capturedAt'),
        (odd, kept) => {
          // One odd field at a time gets past the others' checks; all odd ones come with it.
          for (const value of [odd, { ...valid, [kept]: odd[kept as keyof typeof odd] }]) {
            const result = checkHrvEvent(value);
            expect(isInvalid(result) ? result.message.length < 400 : canBeStored(result)).toBe(true);
          }
        },
      ),
      { numRuns: runs },
    );
  }, 600_000);

  it('survives any bytes, and any change of a byte of a good event', () => {
    const good = Buffer.from(JSON.stringify(valid));
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        fc.nat(good.length - 1),
        fc.nat(255),
        (bytes, at, byte) => {
          parseHrvEvent(bytes);
          const changed = Buffer.from(good);
          changed[at] = byte;
          parseHrvEvent(changed);
        },
      ),
      { numRuns: runs },
    );
  }, 600_000);
});

/** No NUL, nothing that UTF-8 would change, a finite logarithm, a day PostgreSQL knows. */
const canBeStored = ({ userId, rmssd, date }: HrvEvent): boolean =>
  /^[^\0]+$/s.test(userId) &&
  Buffer.from(userId).toString() === userId &&
  rmssd > 0 &&
  Number.isFinite(Math.log(rmssd)) &&
  /^(?!0000)\d{4}-\d\d-\d\d$/.test(date);
