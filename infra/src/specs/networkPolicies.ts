import type { types } from '@pulumi/kubernetes';
import type { Workload } from '@aa-ops/topology';
import type { Bus } from '../bus.ts';
import { asksOura, usesDatabase } from '../reach.ts';
import { OPERATOR } from './operatorRole.ts';

type Policy = types.input.networking.v1.NetworkPolicySpec;
type Peer = types.input.networking.v1.NetworkPolicyPeer;
type Egress = types.input.networking.v1.NetworkPolicyEgressRule;

/** What a workload's pods may be asked by, and what they may reach: DNS, NATS, the database and Oura where they use them. */
export function networkPolicySpec(bus: Bus, workload: Workload): Policy {
  const { network, telemetry } = bus.stack;
  const anywhere = (port: number): Egress => ({ ports: [tcp(port)] });
  return {
    podSelector: { matchLabels: workload.selector },
    policyTypes: ['Ingress', 'Egress'],
    ingress: [
      // A producer is the front door: of the namespace, and of the ingress controller's where there is one.
      ...(workload.role === 'producer'
        ? [
            {
              from: [
                { podSelector: {} },
                ...(network.ingressFrom ? [namespaceCalled(network.ingressFrom)] : []),
              ],
              ports: [tcp(workload.port)],
            },
          ]
        : []),
      {
        // Probes come from the pod's own node, which no policy stops. `aa-ops` is a pod with this label, or comes through the API
        // server's proxy: then it has that one's address, which no label stands for.
        from: [
          { podSelector: { matchLabels: { 'app.kubernetes.io/name': OPERATOR } } },
          namespaceCalled(network.metricsFrom),
          ...network.apiServerFrom.map((cidr): Peer => ({ ipBlock: { cidr } })),
        ],
        ports: [tcp(workload.port)],
      },
    ],
    egress: [
      { ports: [{ protocol: 'UDP', port: 53 }, tcp(53)] },
      ...natsPorts(bus).map(anywhere),
      ...(usesDatabase(bus.stack, workload) ? [anywhere(network.databasePort)] : []),
      ...(asksOura(bus.stack, workload) ? [anywhere(HTTPS)] : []),
      ...(telemetry.otlpEndpoint ? [anywhere(portOf(telemetry.otlpEndpoint))] : []),
    ],
  };
}

/**
 * The streams-apply Job reaches NATS and nothing else, and nobody reaches it: no rule allows a way in. An empty list of them is dropped by
 * the API server, and would be a change in every preview.
 */
export const applyPolicySpec = (bus: Bus, matchLabels: Record<string, string>): Policy => ({
  podSelector: { matchLabels },
  policyTypes: ['Ingress', 'Egress'],
  egress: [
    { ports: [{ protocol: 'UDP', port: 53 }, tcp(53)] },
    ...natsPorts(bus).map((port) => ({ ports: [tcp(port)] })),
  ],
});

const namespaceCalled = (name: string): Peer => ({
  namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': name } },
});
const HTTPS = 443;
const tcp = (port: number) => ({ protocol: 'TCP', port });
const natsPorts = ({ topology }: Bus): number[] => [
  ...new Set(topology.environment.servers.map(portOfServer)),
];

/** A topology may leave the scheme away, and the port. */
const portOfServer = (server: string): number =>
  Number(new URL(server.includes('://') ? server : `nats://${server}`).port || 4222);

function portOf(url: string): number {
  const { port, protocol } = new URL(url);
  return port ? Number(port) : protocol === 'https:' ? 443 : 80;
}
