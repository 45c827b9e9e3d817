import * as k8s from '@pulumi/kubernetes';
import { ComponentResource, type ComponentResourceOptions, type Output } from '@pulumi/pulumi';
import type { Workload } from '@aa-ops/topology';
import type { Bus } from '../bus.ts';
import { deploymentSpec } from '../specs/deployment.ts';
import { workloadLabels } from '../specs/labels.ts';
import { networkPolicySpec } from '../specs/networkPolicies.ts';
import { disruptionBudgetSpec, serviceSpec } from '../specs/service.ts';

/** One workload of the topology: its Deployment and what belongs to it, all by its name. */
export class EventBusService extends ComponentResource {
  /** Inside the cluster. */
  readonly url: Output<string>;

  constructor(bus: Bus, workload: Workload, options: ComponentResourceOptions) {
    super('aa-ops:index:EventBusService', workload.name, {}, options);
    const { name } = workload;
    const metadata = { name, namespace: bus.namespace, labels: workloadLabels(bus, workload) };
    const child = { parent: this };
    const account = new k8s.core.v1.ServiceAccount(
      name,
      { metadata, automountServiceAccountToken: false },
      child,
    );
    const policy = new k8s.networking.v1.NetworkPolicy(
      name,
      { metadata, spec: networkPolicySpec(bus, workload) },
      child,
    );
    const deployment = new k8s.apps.v1.Deployment(
      name,
      { metadata, spec: deploymentSpec(bus, workload) },
      { parent: this, dependsOn: [account, policy] },
    );
    const service = new k8s.core.v1.Service(name, { metadata, spec: serviceSpec(workload) }, child);
    new k8s.policy.v1.PodDisruptionBudget(
      name,
      { metadata, spec: disruptionBudgetSpec(workload) },
      { parent: this, dependsOn: deployment },
    );
    this.url = service.metadata.name.apply((it) => `http://${it}.${bus.namespace}:${workload.port}`);
    this.registerOutputs({ url: this.url });
  }
}
