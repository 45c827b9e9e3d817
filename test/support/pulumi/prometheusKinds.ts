import type { Json } from '../cluster/api.ts';

const text = { type: 'string' };
const texts = { type: 'object', additionalProperties: text };
const list = (items: Json): Json => ({ type: 'array', items });
const object = (properties: Json, required: string[] = []): Json => ({
  type: 'object',
  properties,
  ...(required.length > 0 ? { required } : {}),
});

const definition = (kind: string, plural: string, spec: Json): Json => ({
  metadata: { name: `${plural}.monitoring.coreos.com` },
  spec: {
    group: 'monitoring.coreos.com',
    names: { kind, plural, singular: kind.toLowerCase(), listKind: `${kind}List` },
    scope: 'Namespaced',
    versions: [
      { name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: object({ spec }, ['spec']) } },
    ],
  },
});

const selector = object({
  matchLabels: texts,
  matchExpressions: list(object({ key: text, operator: text, values: list(text) }, ['key', 'operator'])),
});

const duration = { type: 'string', pattern: '^([0-9]+(ms|s|m|h|d|w|y))+$' };

/**
 * The Prometheus operator's two kinds, with the fields that one uses of them and no others: the operator is not part of Kubernetes,
 * and these definitions are written here from its API documentation (monitoring.coreos.com/v1), not taken from it.
 */
export const prometheusKinds: Json[] = [
  definition(
    'ServiceMonitor',
    'servicemonitors',
    object(
      {
        jobLabel: text,
        namespaceSelector: object({ any: { type: 'boolean' }, matchNames: list(text) }),
        selector,
        endpoints: list(
          object({ port: text, path: text, scheme: text, interval: duration, scrapeTimeout: duration }),
        ),
      },
      ['endpoints', 'selector'],
    ),
  ),
  definition(
    'PrometheusRule',
    'prometheusrules',
    object({
      groups: list(
        object(
          {
            name: text,
            interval: duration,
            rules: list(
              object(
                {
                  alert: text,
                  record: text,
                  expr: { 'x-kubernetes-int-or-string': true },
                  for: duration,
                  labels: texts,
                  annotations: texts,
                },
                ['expr'],
              ),
            ),
          },
          ['name'],
        ),
      ),
    }),
  ),
];
