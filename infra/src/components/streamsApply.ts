import * as k8s from '@pulumi/kubernetes';
import { ComponentResource, type ComponentResourceOptions, type Output } from '@pulumi/pulumi';
import type { Bus } from '../bus.ts';
import { applyPolicySpec } from '../specs/networkPolicies.ts';
import {
  streamsApplyLabels,
  streamsApplyName,
  streamsApplySelector,
  streamsApplySpec,
  topologyConfigMapName,
} from '../specs/streamsApplyJob.ts';

/**
 * The streams of the topology, made by `aa-ops apply` in the cluster whenever the topology's files change, or the Job's own pod. Destroying
 * it removes a finished Job; streams and their messages stay.
 */
export class StreamsApply extends ComponentResource {
  readonly jobName: Output<string>;

  constructor(bus: Bus, options: ComponentResourceOptions) {
    super('aa-ops:index:StreamsApply', 'streams-apply', {}, options);
    const metadata = (name: string) => ({ name, namespace: bus.namespace, labels: streamsApplyLabels(bus) });
    const child = { parent: this };
    const account = new k8s.core.v1.ServiceAccount(
      'streams-apply',
      { metadata: metadata('streams-apply'), automountServiceAccountToken: false },
      child,
    );
    const policy = new k8s.networking.v1.NetworkPolicy(
      'streams-apply',
      { metadata: metadata('streams-apply'), spec: applyPolicySpec(bus, streamsApplySelector) },
      child,
    );
    const topology = new k8s.core.v1.ConfigMap(
      'aa-ops-topology',
      { metadata: metadata(topologyConfigMapName(bus)), data: bus.files.data, immutable: true },
      child,
    );
    const job = new k8s.batch.v1.Job(
      'streams-apply',
      {
        // A Job that failed is made again by the next `pulumi up`.
        metadata: {
          ...metadata(streamsApplyName(bus)),
          annotations: { 'pulumi.com/replaceUnready': 'true' },
        },
        spec: streamsApplySpec(bus),
      },
      { parent: this, dependsOn: [account, policy, topology] },
    );
    this.jobName = job.metadata.name;
    this.registerOutputs({ jobName: this.jobName });
  }
}
