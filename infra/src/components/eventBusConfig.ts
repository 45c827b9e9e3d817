import * as k8s from '@pulumi/kubernetes';
import { ComponentResource, type ComponentResourceOptions, type Output } from '@pulumi/pulumi';
import type { Bus } from '../bus.ts';
import { commonLabels } from '../specs/labels.ts';
import { configMapData, modePath } from '../specs/configMap.ts';

/**
 * event-bus-config, which has two writers: Pulumi owns its keys but one, `aa-ops` writes the mode. It must be mutable (the provider
 * says so) or each change would replace it, with the mode of its first day.
 */
export class EventBusConfig extends ComponentResource {
  readonly configMapName: Output<string>;

  constructor(bus: Bus, options: ComponentResourceOptions) {
    super('aa-ops:index:EventBusConfig', bus.topology.configMap!.name, {}, options);
    const { name } = bus.topology.configMap!;
    const configMap = new k8s.core.v1.ConfigMap(
      name,
      {
        metadata: { name, namespace: bus.namespace, labels: commonLabels(bus, 'config') },
        data: configMapData(bus),
      },
      { parent: this, ignoreChanges: [modePath(bus)], protect: bus.topology.environment.protected },
    );
    this.configMapName = configMap.metadata.name;
    this.registerOutputs({ configMapName: this.configMapName });
  }
}
