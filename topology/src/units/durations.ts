const NS = { ns: 1, us: 1e3, ms: 1e6, s: 1e9, m: 60e9, h: 3600e9, d: 86_400e9 } as const;
type Unit = keyof typeof NS;

/** One or more numbers with a unit: `30s`, `48h`, `7d`, `1h30m`, `1.5s`. */
export const DURATION_PATTERN = /^(?:\d+(?:\.\d+)?(?:ns|us|ms|s|m|h|d))+$/;
const PART = /(\d+)(?:\.(\d+))?(ns|us|ms|s|m|h|d)/g;

/** JetStream holds durations in an int64 of ns. */
const MAX_NS = 2n ** 63n;

/**
 * ns; undefined where the text is no duration, is finer than 1 ns, does not fit JetStream's int64, or is a number of ns
 * that a JSON number does not hold exactly (whole seconds always are).
 */
export function parseDuration(text: string): number | undefined {
  if (text.length > 64 || !DURATION_PATTERN.test(text)) return undefined;
  let ns = 0n;
  for (const [, whole = '', fraction = '', unit] of text.matchAll(PART)) {
    const scaled = BigInt(whole + fraction) * BigInt(NS[unit as Unit]);
    const divisor = 10n ** BigInt(fraction.length);
    if (scaled % divisor !== 0n) return undefined;
    ns += scaled / divisor;
  }
  return ns < MAX_NS && BigInt(Number(ns)) === ns ? Number(ns) : undefined;
}

/**
 * The shortest usual way to write it, exact: parseDuration gives the same ns back. Days from three on and hours from one
 * on, minutes from two on, as people write retention and windows: `48h`, `7d`, `60s`, `2m`.
 */
export function formatDuration(ns: number): string {
  const from: Record<Unit, number> = { d: 3, h: 1, m: 2, s: 1, ms: 1, us: 1, ns: 0 };
  for (const unit of ['d', 'h', 'm', 's', 'ms', 'us'] as const) {
    const amount = ns / NS[unit];
    if (ns % NS[unit] === 0 && amount >= from[unit]) return `${amount}${unit}`;
  }
  return ns === 0 ? '0s' : `${ns}ns`;
}

/** ns to ms, for JavaScript's timers. */
export const nsToMs = (ns: number): number => ns / NS.ms;
