import { context, propagation } from '@opentelemetry/api';

/** The current trace, as headers for a message: the way from an HTTP request onto the bus. */
export function injectTrace(set: (name: string, value: string) => void): void {
  propagation.inject(context.active(), undefined, { set: (_carrier, name, value) => set(name, value) });
}
