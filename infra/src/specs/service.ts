import type { types } from '@pulumi/kubernetes';
import type { Workload } from '@aa-ops/topology';

/** A workload's Service, called as the workload: producers are reached by it, Prometheus finds both by it. */
export const serviceSpec = ({ selector, port }: Workload): types.input.core.v1.ServiceSpec => ({
  selector,
  ports: [{ name: 'http', port, targetPort: 'http' }],
});

/** No drain of nodes takes a workload below one replica less than it has; with one replica it may take that one. */
export const disruptionBudgetSpec = ({
  selector,
}: Workload): types.input.policy.v1.PodDisruptionBudgetSpec => ({
  maxUnavailable: 1,
  selector: { matchLabels: selector },
  unhealthyPodEvictionPolicy: 'AlwaysAllow',
});
