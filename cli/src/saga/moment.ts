/** A point in time by two clocks: one stands still while the machine sleeps, the other may be set. */
export interface Moment {
  running: number;
  wall: number;
}

export const thisMoment = (): Moment => ({ running: performance.now(), wall: Date.now() });

/** ms since then, by the clock that says more: whoever has to have been awake counts by this. */
export const msSince = ({ running, wall }: Moment): number =>
  Math.max(performance.now() - running, Date.now() - wall);
