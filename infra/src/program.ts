import * as k8s from '@pulumi/kubernetes';
import type { Output } from '@pulumi/pulumi';
import type { Bus } from './bus.ts';
import { EventBusConfig } from './components/eventBusConfig.ts';
import { EventBusService } from './components/eventBusService.ts';
import { Monitoring } from './components/monitoring.ts';
import { Operator } from './components/operator.ts';
import { StreamsApply } from './components/streamsApply.ts';

/** What a person wants to know after `pulumi up`. */
export interface Outputs {
  namespace: string;
  configMap: Output<string>;
  streamsApplyJob: Output<string>;
  services: Record<string, Output<string>>;
  next: string;
}

/** Registers everything, in the order in which it can stand: configuration, streams, then the pods that need both. */
export function defineEventBus(bus: Bus): Outputs {
  const { topology, stack, namespace } = bus;
  const context = topology.environment.kubeContext;
  const cluster = { ...(context ? { context } : {}), namespace, enableConfigMapMutable: true };
  const provider = new k8s.Provider('cluster', cluster);
  // Taking over what stands is for one object only: a typing error elsewhere must not overwrite a stranger's. It is a provider of its
  // own in every stack: a resource that changes its provider is replaced, and this one would lose the mode.
  const adopting = new k8s.Provider('config', { ...cluster, upsertExistingObjects: stack.adoptConfigMap });

  const config = new EventBusConfig(bus, { provider: adopting });
  const streams = new StreamsApply(bus, { provider });
  const services = topology.workloads.map((workload) => {
    const service = new EventBusService(bus, workload, { provider, dependsOn: [config, streams] });
    return [workload.name, service.url] as const;
  });
  new Operator(bus, { provider });
  new Monitoring(bus, { provider });

  return {
    namespace,
    configMap: config.configMapName,
    streamsApplyJob: streams.jobName,
    services: Object.fromEntries(services),
    next: `aa-ops status --env ${topology.environment.name}`,
  };
}
