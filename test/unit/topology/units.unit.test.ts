import { formatDuration, formatSize, parseDuration, parseSize } from '@aa-ops/topology';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

describe('durations', () => {
  it.each([
    ['30s', 30e9],
    ['2m', 120e9],
    ['48h', 172_800e9],
    ['7d', 604_800e9],
    ['1h30m', 5400e9],
    ['1.5s', 1.5e9],
    ['250ms', 250e6],
    ['3us', 3000],
    ['7ns', 7],
    ['0s', 0],
  ])('reads %s', (text, ns) => expect(parseDuration(text)).toBe(ns));

  it.each(['', '7', '7 days', 's', '-1s', '1w', '1e3s', '1.5ns', '1m ', '300000d', '0x1s'])(
    'refuses %j',
    (text) => expect(parseDuration(text)).toBeUndefined(),
  );

  it.each([
    [172_800e9, '48h'],
    [604_800e9, '7d'],
    [60e9, '60s'],
    [120e9, '2m'],
    [3600e9, '1h'],
    [90e9, '90s'],
    [1, '1ns'],
    [0, '0s'],
  ])('writes %d as %s', (ns, text) => expect(formatDuration(ns)).toBe(text));

  it('come back exactly', () => {
    fc.assert(
      fc.property(
        fc.nat({ max: 4e6 }),
        fc.constantFrom(1, 1e3, 1e6, 1e9, 60e9, 3600e9, 86_400e9),
        (amount, unit) => {
          const ns = amount * unit;
          fc.pre(ns < 2 ** 63 && Number.isInteger(ns) && BigInt(ns) === BigInt(amount) * BigInt(unit));
          expect(parseDuration(formatDuration(ns))).toBe(ns);
        },
      ),
    );
  });
});

describe('sizes', () => {
  it.each([
    ['64KiB', 65_536],
    ['10GiB', 10_737_418_240],
    ['1.5MiB', 1_572_864],
    ['0B', 0],
  ])('reads %s', (text, bytes) => expect(parseSize(text)).toBe(bytes));

  it.each(['', '64', '64KB', '64kib', '1.5B', '-1B', '99999TiB'])('refuses %j', (text) =>
    expect(parseSize(text)).toBeUndefined(),
  );

  it('come back exactly', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (bytes) => {
        expect(parseSize(formatSize(bytes))).toBe(bytes);
      }),
    );
    expect([65_536, 1500, 10_737_418_240, 0].map(formatSize)).toEqual(['64KiB', '1500B', '10GiB', '0B']);
  });
});
