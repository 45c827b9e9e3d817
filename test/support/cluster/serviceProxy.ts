import type { Server } from 'node:net';
import type { ApiClient, Json } from './api.ts';
import { forward } from './network.ts';

/** A kube-proxy in user space: listens on every Service's cluster IP, forwards each connection to a ready endpoint, one after the other. */
export function startServiceProxy(api: ApiClient): { hosts(): string[]; stop(): void } {
  const services = new Map<string, Json>();
  const slices = new Map<string, Json>();
  const listening = new Map<string, Promise<Server | undefined>>();
  let turn = 0;
  const endpoint = (service: string, port: Json): { host: string; port: number } | undefined => {
    const targets = [...slices.values()]
      .filter(
        (it) => keyOf(it.metadata.namespace, it.metadata.labels?.['kubernetes.io/service-name']) === service,
      )
      .flatMap((slice) =>
        (slice.endpoints ?? [])
          .filter((it: Json) => it.conditions?.ready)
          .map((it: Json) => ({
            host: it.addresses[0] as string,
            port: slice.ports.find((one: Json) => (one.name ?? '') === (port.name ?? ''))?.port as number,
          })),
      );
    return targets.length === 0 ? undefined : targets[turn++ % targets.length];
  };
  const serve = (service: Json): void => {
    const { clusterIP, ports = [] } = service.spec;
    if (!clusterIP || clusterIP === 'None') return;
    const name = keyOf(service.metadata.namespace, service.metadata.name);
    for (const port of ports) {
      const key = `${clusterIP}:${port.port}`;
      if (!listening.has(key)) {
        listening.set(
          key,
          forward(clusterIP, port.port, () => endpoint(name, port)).catch(() => undefined),
        );
      }
    }
  };
  const watches = [
    api.watch('/api/v1/services', (type, service) => {
      const key = keyOf(service.metadata.namespace, service.metadata.name);
      if (type !== 'DELETED') {
        services.set(key, service);
        return serve(service);
      }
      services.delete(key);
      for (const port of service.spec.ports ?? []) {
        const address = `${service.spec.clusterIP}:${port.port}`;
        void listening.get(address)?.then((server) => server?.close());
        listening.delete(address);
      }
    }),
    api.watch('/apis/discovery.k8s.io/v1/endpointslices', (type, slice) => {
      const key = keyOf(slice.metadata.namespace, slice.metadata.name);
      if (type === 'DELETED') slices.delete(key);
      else slices.set(key, slice);
    }),
  ];
  return {
    /** For /etc/hosts: there is no DNS. */
    hosts: () =>
      [...services.values()]
        .filter(({ spec }) => spec.clusterIP && spec.clusterIP !== 'None')
        .map(({ metadata: { name, namespace }, spec }) =>
          [
            spec.clusterIP,
            name,
            `${name}.${namespace}`,
            `${name}.${namespace}.svc`,
            `${name}.${namespace}.svc.cluster.local`,
          ].join(' '),
        ),
    stop: () => {
      for (const it of watches) it.stop();
      for (const it of listening.values()) void it.then((server) => server?.close());
    },
  };
}

const keyOf = (namespace: string, name: string): string => `${namespace}/${name}`;
