import { Counter, Histogram, type Registry } from 'prom-client';
import type { RequestObserver } from './httpServer.ts';

/** `http_requests_total{method,route,status}` and `http_request_duration_seconds`. */
export function createHttpMetrics(registry: Registry): RequestObserver {
  const total = new Counter({
    name: 'http_requests_total',
    help: 'HTTP requests answered',
    labelNames: ['method', 'route', 'status'],
    registers: [registry],
  });
  const duration = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Time from the request to its reply',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [registry],
  });
  return (method, route, status, seconds) => {
    const labels = { method, route, status: String(status) };
    total.inc(labels);
    duration.observe(labels, seconds);
  };
}
