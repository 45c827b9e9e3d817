import * as k8s from '@pulumi/kubernetes';
import { ComponentResource, type ComponentResourceOptions } from '@pulumi/pulumi';
import type { Bus } from '../bus.ts';
import { dashboard } from '../specs/dashboard.ts';
import { commonLabels } from '../specs/labels.ts';
import { alertRules, serviceMonitorSpec } from '../specs/monitoring.ts';

const OPERATOR_API = 'monitoring.coreos.com/v1';

/** What the stack asks for: ServiceMonitors and a PrometheusRule (the Prometheus operator's kinds), a dashboard for Grafana's sidecar. */
export class Monitoring extends ComponentResource {
  constructor(bus: Bus, options: ComponentResourceOptions) {
    super('aa-ops:index:Monitoring', 'event-bus', {}, options);
    const { serviceMonitors, alerts, dashboard: wantsDashboard, labels } = bus.stack.monitoring;
    const metadata = (name: string, more: Record<string, string> = {}) => ({
      name,
      namespace: bus.namespace,
      labels: { ...commonLabels(bus, 'monitoring'), ...labels, ...more },
    });
    const custom = (kind: string, name: string, spec: object) =>
      new k8s.apiextensions.CustomResource(
        `${name}-${kind}`,
        { apiVersion: OPERATOR_API, kind, metadata: metadata(name), spec },
        { parent: this },
      );
    if (serviceMonitors)
      for (const workload of bus.topology.workloads)
        custom('ServiceMonitor', workload.name, serviceMonitorSpec(bus, workload));
    if (alerts) custom('PrometheusRule', 'event-bus', alertRules(bus));
    if (wantsDashboard) {
      new k8s.core.v1.ConfigMap(
        'event-bus-dashboard',
        {
          metadata: metadata('event-bus-dashboard', { grafana_dashboard: '1' }),
          data: { 'event-bus.json': dashboard(bus) },
        },
        { parent: this },
      );
    }
    this.registerOutputs({});
  }
}
