import { parseDuration, parseSize } from '../units/index.ts';

const TIME_WORDS: [RegExp, string][] = [
  [/^(ms|millis(econds?)?|msecs?)$/, 'ms'],
  [/^(s|secs?|seconds?)$/, 's'],
  [/^(m|mins?|minutes?)$/, 'm'],
  [/^(h|hrs?|hours?)$/, 'h'],
  [/^(d|days?)$/, 'd'],
];

/** What to write instead of something that is no duration. */
export function suggestDuration(value: unknown): string {
  const [, amount = '', word = ''] = /^\s*([\d.]+)\s*([a-z]*)\s*$/i.exec(String(value)) ?? [];
  const lower = word.toLowerCase();
  if (/^(w|weeks?)$/.test(lower) && Number.isInteger(Number(amount))) return `write ${Number(amount) * 7}d`;
  const unit = TIME_WORDS.find(([pattern]) => pattern.test(lower))?.[1];
  if (unit && parseDuration(`${amount}${unit}`) !== undefined) return `write ${amount}${unit}`;
  if (amount !== '' && word === '') return `add a unit: ${amount}s, ${amount}m, ${amount}h or ${amount}d`;
  return 'write a number and a unit (ms, s, m, h, d), such as 30s, 2m, 48h or 7d';
}

/** What to write instead of something that is no size. */
export function suggestSize(value: unknown): string {
  const [, amount = '', letter = ''] = /^\s*([\d.]+)\s*([kmgt]?)i?b?\s*$/i.exec(String(value)) ?? [];
  const size = `${amount}${letter.toUpperCase()}${letter === '' ? 'B' : 'iB'}`;
  if (parseSize(size) !== undefined) return `write ${size}`;
  return 'write a number and a unit (B, KiB, MiB, GiB, TiB), such as 64KiB or 10GiB';
}
