import type { Bus } from '../bus.ts';

/**
 * event-bus-config: the keys that Pulumi owns, and the mode as it is before anybody migrated. From then on the mode is
 * `aa-ops`'s: the resource ignores changes of that key (docs/adr/0010-two-writers.md).
 */
export function configMapData({ topology, stack }: Bus): Record<string, string> {
  const { configMap, environment } = topology;
  return { ...configMap!.data, [configMap!.modeKey]: stack.initialMode ?? environment.initialMode };
}

/** The path that Pulumi must leave alone. */
export const modePath = ({ topology }: Bus): string => `data.${topology.configMap!.modeKey}`;

/** What Pulumi owns of it, in one string: pods start anew when it changes, and not when a migration writes the mode. */
export function ownedData(bus: Bus): string {
  const { [bus.topology.configMap!.modeKey]: _mode, ...owned } = configMapData(bus);
  return JSON.stringify(Object.entries(owned).sort(([a], [b]) => a.localeCompare(b)));
}
