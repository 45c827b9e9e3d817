import { type Check, green, red, skipped, yellow } from './check.ts';
import { countDeadLetters, countSince, deadLettersOf, deadLetterStreams, serverNow } from './deadLetters.ts';

const MINUTE_MS = 60_000;

export const deadLetters: Check = {
  id: 'dead-letters',
  title: 'Dead letters stay where they were',
  runbook: 'Metrics Verification, 3. DLQ Monitoring',
  async run({ account, topology, baseline }) {
    const streams = await deadLetterStreams(account, topology);
    const filters = deadLettersOf(topology);
    if (streams.length === 0) return skipped(`no stream of the topology holds ${filters.join(' or ')}`);
    const most = topology.thresholds.deadLettersPerMinute;
    const since = (await serverNow(account, streams[0]!)) - MINUTE_MS;
    const [total, ...recent] = await Promise.all([
      countDeadLetters(account, streams, filters),
      ...streams.map((name) => countSince(account, name, since, most + 1, filters)),
    ]);
    const lately = recent.reduce((sum, count) => sum + count, 0);
    const before = baseline ? `, ${baseline.deadLetters} at ${baseline.at}` : '';
    const next = `aa-ops streams view ${streams[0]}`;
    if (lately > most)
      return red(
        `${total} dead letters${before}; more than ${most} in the last minute`,
        `${next}; aa-ops rollback`,
      );
    const evidence = `${total} dead letters${before}, ${lately} in the last minute`;
    return baseline && total > baseline.deadLetters ? yellow(evidence, next) : green(evidence);
  },
};
