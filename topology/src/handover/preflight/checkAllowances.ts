import type { StreamConfig } from '../../jetstream/index.ts';
import type { CopyRole, HandoverGroup } from '../types.ts';
import type { Finding } from './finding.ts';

type Allowing = Pick<
  StreamConfig,
  'name' | 'allow_msg_ttl' | 'allow_rollup_hdrs' | 'allow_atomic' | 'allow_batched'
>;

/** What a stream may let its publishers do, and what comes of it where the next owner does not. */
const ALLOWANCES = [
  ['allow_msg_ttl', 'allowMsgTtl', 'are refused there, and copies live for ever'],
  ['allow_rollup_hdrs', 'allowRollupHdrs', 'are refused there'],
  ['allow_atomic', 'allow_atomic', 'are refused there'],
  ['allow_batched', 'allow_batched', 'are refused there'],
] as const;

/** Publishers that use what only the origin allows would be refused from the take on. A way back only warns: what is not allowed there was not before. */
export function checkAllowances(
  { origin, target }: CopyRole,
  before: Allowing,
  after: Allowing,
  wayBack: boolean,
): Finding[] {
  return ALLOWANCES.filter(([field]) => before[field] && !after[field]).map(([, name, outcome]) => ({
    code: 'target-disallows',
    severity: wayBack ? 'warn' : 'refuse',
    message: `${origin} has ${name}, ${target} has not: publishes that make use of it ${outcome}`,
    hint: `give ${target} ${name} as well`,
    details: { origin, target, field: name },
  }));
}

/**
 * Copies that may purge what they do not bring: `Nats-Rollup: all` has the stream that it comes to drop everything else, and where that stream holds
 * more than what comes from there, now or on the way back, that was never meant.
 */
export function checkRollups(
  { streams, copies }: Pick<HandoverGroup, 'streams' | 'copies'>,
  configOf: (stream: string) => Allowing | undefined,
): Finding[] {
  const keeps = (name: string): boolean =>
    (streams.find(({ stream }) => stream === name)?.kept ?? []).length > 0;
  return copies.flatMap(({ origin, target }) => {
    const into = copies.filter((other) => other.target === target).length;
    const outOf = copies.filter((other) => other.origin === origin).length;
    return [
      ...(keeps(target) || into > 1 ? [{ from: origin, to: target, when: 'with the copy' }] : []),
      ...(keeps(origin) || outOf > 1 ? [{ from: target, to: origin, when: 'on the way back' }] : []),
    ]
      .filter(({ to }) => configOf(to)?.allow_rollup_hdrs)
      .map(({ from, to, when }): Finding => ({
        code: 'rollup-not-movable',
        severity: 'refuse',
        message: `${to} lets publishers roll up (allowRollupHdrs), and holds more than what comes from ${from}: one Nats-Rollup: all that comes ${when} would purge the rest`,
        hint: `take allowRollupHdrs from ${origin} and ${target} for the migration, or move all of a stream to one other`,
        details: { origin, target },
      }));
  });
}
