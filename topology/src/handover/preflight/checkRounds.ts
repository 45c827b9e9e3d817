import type { Mover } from '../positions.ts';
import type { HandoverGroup } from '../types.ts';
import type { Finding } from './finding.ts';

/** Durables that wait: their subjects are handed over in a later round, whose copy begins when the rounds before are over. */
export function checkRounds(groups: readonly HandoverGroup[], movers: readonly Mover[]): Finding[] {
  return groups
    .filter(({ round }) => round > 1)
    .flatMap(({ round, copies }) =>
      copies.flatMap(({ origin, target, filters }): Finding[] => {
        const waiting = movers.filter(({ from, to }) => from.stream_name === origin && to === target);
        if (waiting.length === 0) return [];
        const names = waiting.map(({ name }) => name).join(', ');
        return [
          {
            code: 'handover-waits',
            severity: 'warn',
            message: `${names} gets no new messages of ${filters.join(', ')} from its restart until round ${round}: the copy ${origin} -> ${target} and those before it would be a cycle to the server`,
            hint: 'nothing is lost, it works them off behind the handover; a mode in between would avoid it',
            details: { round, origin, target, filters, durables: waiting.map(({ name }) => name) },
          },
        ];
      }),
    );
}
