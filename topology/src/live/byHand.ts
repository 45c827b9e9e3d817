import type { ModeDifference } from './readMode.ts';

/** What has to be done by hand, step for step, until every stream hears what that mode gives it. A subject has one owner: it is taken first. */
export function byHand(differences: readonly ModeDifference[], mode: string): string[] {
  const inMode = differences.filter((one) => one.mode === mode);
  const taken = inMode.filter(({ extra }) => extra.length > 0);
  const given = inMode.filter(({ missing }) => missing.length > 0);
  return [
    ...taken.map(({ stream, extra }) => `take ${extra.join(', ')} from ${stream}`),
    ...given.map(({ stream, missing }) => `give ${missing.join(', ')} to ${stream}`),
  ];
}
