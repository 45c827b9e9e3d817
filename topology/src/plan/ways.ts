import { has, type Capability } from './capabilities.ts';

/** What a newer server would also offer, and was measured against the way that is taken (docs/servers.md). */
const MEASURED = {
  mirrorPromotion: 'mirror promotion',
  consumerReset: 'consumer reset',
} as const satisfies Partial<Record<Capability, string>>;

/** Which way handovers copy and move durables on a server: the same on every version, and what it could do beside that. */
export function describeWays(version: string): string {
  const unused = Object.entries(MEASURED)
    .filter(([name]) => has(version, name as Capability))
    .map(([, words]) => words);
  const taken = 'copied by sources, durables made anew';
  return unused.length === 0
    ? taken
    : `${taken} (nats-server ${version} has ${unused.join(' and ')}: not used)`;
}
