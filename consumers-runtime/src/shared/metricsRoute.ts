import type { Registry } from 'prom-client';
import type { Route } from './httpServer.ts';

/** `/metrics` in Prometheus' text format: the same document on every port that serves it. */
export function metricsRoute(registry: Registry, more: () => Promise<string> = async () => ''): Route {
  return {
    method: 'GET',
    path: '/metrics',
    async handle() {
      const [own, others] = await Promise.all([registry.metrics(), more()]);
      return { status: 200, text: own + others, contentType: registry.contentType };
    },
  };
}
