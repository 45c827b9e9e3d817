import type { Host } from '../host.ts';
import type { Hold } from './hold.ts';
import { heldFilters, type StandingHold } from './standingHold.ts';
import type { WindowSpec } from './windowSpec.ts';

/** What a hold knows that it has not heard, or could not keep. JSON-safe. */
export type Unheard = Pick<Hold, 'breaks' | 'dropped'>;

export function unheardBy(standing: StandingHold | undefined): { unheard?: Unheard } {
  const { breaks, dropped } = standing?.hold ?? { breaks: 0, dropped: 0 };
  return breaks + dropped > 0 ? { unheard: { breaks, dropped } } : {};
}

/** Publishers that nobody answers have to try again: whoever watches has to know why. */
export function tellUnheard(host: Host, spec: WindowSpec, { breaks, dropped }: Unheard): void {
  const held = heldFilters(spec).join(', ');
  const data = { filters: heldFilters(spec), breaks, dropped };
  if (breaks > 0)
    host.notify({
      level: 'warn',
      code: 'hold-broke',
      message: `the connection that held ${held} broke (${breaks} x): publishes of that moment met 503 or got no answer, and have to be tried again`,
      data,
    });
  if (dropped > 0)
    host.notify({
      level: 'warn',
      code: 'hold-dropped',
      message: `more came on ${held} than twice what may be held: ${dropped} publishes got no answer, and have to be tried again`,
      data,
    });
}
