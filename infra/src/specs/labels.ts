import type { Workload } from '@aa-ops/topology';
import type { Bus } from '../bus.ts';

/** On everything that this program makes, and in no selector: those of a workload are the topology's own, and stay with its pods. */
export const commonLabels = ({ topology }: Bus, component: string): Record<string, string> => ({
  'app.kubernetes.io/part-of': topology.name,
  'app.kubernetes.io/component': component,
  'app.kubernetes.io/managed-by': 'pulumi',
});

/** On a workload's pods as on its Deployment and Service. */
export const workloadLabels = (bus: Bus, { name, role }: Workload): Record<string, string> => ({
  ...commonLabels(bus, role),
  'app.kubernetes.io/name': name,
});
