import type { Host } from '@aa-ops/topology';

/** What the demo shows while it runs. */
export interface View {
  /** Shows a piece of work while it runs, and afterwards what `summary` makes of its result. Re-throws. */
  stage<T>(title: string, work: () => Promise<T>, summary?: (result: T) => string): Promise<T>;
  /** Notices of the engine: the progress of the stage. */
  readonly host: Host;
  /** One line about the traffic, replaced by the next. */
  traffic(line: string): void;
  /** Nothing moves any more; what is on the screen stays. */
  end(): void;
}

/** ms between two lines about the traffic where lines stay. */
const TRAFFIC_EVERY_MS = 5_000;

/** Plain lines or NDJSON: everything goes to the frame's own host. */
export function plainView(host: Host): View {
  let spoken = performance.now();
  return {
    host,
    async stage(title, work, summary) {
      host.notify({ level: 'info', code: 'stage', message: `== ${title}`, data: { title } });
      const begun = performance.now();
      const result = await work();
      const ms = Math.round(performance.now() - begun);
      host.notify({
        level: 'info',
        code: 'stage-done',
        message: `== ${title}: done, ${ms} ms${summary ? ` (${summary(result)})` : ''}`,
        data: { title, ms },
      });
      return result;
    },
    traffic(line) {
      if (performance.now() - spoken < TRAFFIC_EVERY_MS) return;
      spoken = performance.now();
      host.notify({ level: 'info', code: 'traffic', message: line });
    },
    end: () => {},
  };
}
