/** How long publishers waited for their acks, ms. */
export interface LatencySummary {
  p50: number;
  p99: number;
  max: number;
}

/** The percentiles of all latencies, exactly; zeros where there is none. Sorts a copy. */
export function summarize(latencies: readonly Float32Array[]): LatencySummary {
  const all = new Float32Array(latencies.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of latencies) {
    all.set(part, at);
    at += part.length;
  }
  all.sort();
  const rank = (share: number): number => all[Math.max(0, Math.ceil(share * all.length) - 1)] ?? 0;
  return { p50: rank(0.5), p99: rank(0.99), max: all.at(-1) ?? 0 };
}
