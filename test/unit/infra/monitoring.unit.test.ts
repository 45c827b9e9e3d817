import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { beforeAll, describe, expect, test } from 'vitest';
import { catalog } from '../../../cli/src/frame/catalog.ts';
import { type Bus, openBus, TOPOLOGY_FILE } from '../../../infra/src/bus.ts';
import { dashboard } from '../../../infra/src/specs/dashboard.ts';
import { alertRules } from '../../../infra/src/specs/monitoring.ts';
import type { StackConfig } from '../../../infra/src/stackConfig.ts';
import { named, registered, stackOf } from '../../support/pulumi/registered.ts';
import { makeTempDir } from '../../support/servers.ts';

// The text of the alerts and of the dashboard; what Prometheus makes of the expressions is not run here.
let stack: StackConfig;
let bus: Bus;
beforeAll(async () => {
  stack = await stackOf('production');
  bus = await openBus(stack);
});

const alerts = (of = bus) => alertRules(of).groups.flatMap(({ rules }) => rules);
const panels = (of = bus): { targets: { expr: string }[] }[] => JSON.parse(dashboard(of)).panels;
const expressions = (of = bus): string[] => [
  ...alerts(of).map(({ expr }) => expr),
  ...panels(of).flatMap(({ targets }) => targets.map(({ expr }) => expr)),
];
const expressionOf = (name: string): string => alerts().find(({ alert }) => alert === name)!.expr;

/** Names of metrics in an expression: words that are no functions, labels or values of labels. */
const metricsOf = (expr: string): string[] =>
  [...expr.matchAll(/\b(up|[a-z]+_[a-z_]+)\b(?=[{)\s[]|$)(?!\s*\()/g)].map((match) => match[1]!);

/** What the pods export, by the runtime's source and prom-client's own. */
async function exported(): Promise<Set<string>> {
  const folder = 'consumers-runtime/src';
  const files = (await readdir(folder, { recursive: true })).filter((file) => file.endsWith('.ts'));
  const texts = await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')));
  const ours = texts.flatMap((text) =>
    [...text.matchAll(/'((?:normalize|event_bus|http)_[a-z_]+)'/g)].map((it) => it[1]!),
  );
  const register = new Registry();
  collectDefaultMetrics({ register });
  return new Set([...ours, ...(await register.getMetricsAsJSON()).map(({ name }) => name)]);
}

describe('every expression', () => {
  test('asks for metrics that the pods export, or for what Prometheus itself says of them', async () => {
    const there = await exported();
    const named = expressions().flatMap((expr) => metricsOf(expr).map((it) => it.replace(/_bucket$/, '')));
    expect(new Set(named).size).toBeGreaterThan(8);
    expect(named.filter((it) => it !== 'up' && !there.has(it))).toEqual([]);
  });

  test('is about one namespace: staging and production may share a Prometheus', () => {
    for (const expr of expressions()) {
      const names = metricsOf(expr);
      expect(names.length, expr).toBeGreaterThan(0);
      for (const name of names) expect(expr).toContain(`${name}{namespace="production"`);
      expect(expr.match(/namespace="production"/g)).toHaveLength(names.length);
    }
  });
});

describe('alerts', () => {
  test('cover the runbook’s failure indicators, and that nobody would see them', () => {
    expect(new Set(alerts().map(({ alert }) => alert))).toEqual(
      new Set([
        'HrvDeadLetters', // more than 10 a minute
        'HrvNoRows', // database writes stop
        'HrvNotBound', // "Failed to find HRV consumer on any available stream"
        'IngestErrors', // 5xx
        'EventBusCrashLoop',
        'EventBusPodDown', // a crash loop that nobody sees begin
        'EventBusAbsent',
        'HrvMixedStreams',
        'HrvBehind',
      ]),
    );
  });

  test('of rows that are not written stay loud where one pod of several knows nothing', () => {
    expect(expressionOf('HrvNoRows')).toMatch(/ and max\(normalize_hrv_pending\{[^}]*\} \+ /);
    expect(expressions().join('\n')).not.toMatch(/sum\(normalize_hrv_(ack_)?pending/);
  });

  test('of a pod that is not bound go by the sample that it leaves out', () => {
    const here = '{namespace="production"}';
    expect(expressionOf('HrvNotBound')).toBe(
      `count(normalize_hrv_held${here} unless normalize_hrv_pending${here}) > 0`,
    );
  });

  test('of a workload that is not there are told apart, and raised where there is no series at all', () => {
    const absent = alerts().filter(({ alert }) => alert === 'EventBusAbsent');
    expect(absent.map(({ labels, expr }) => [labels['service'], expr])).toEqual(
      bus.topology.workloads.map(({ name }) => [
        name,
        `absent(up{namespace="production",service="${name}"} == 1)`,
      ]),
    );
  });

  test('say in which namespace, and what to run, as it stands', () => {
    const commands = catalog.map(({ name }) => name);
    for (const { labels, annotations } of alerts()) {
      expect(labels).toMatchObject({ namespace: 'production' });
      expect(annotations).not.toHaveProperty('runbook_url');
      const lines = annotations['runbook']!.split('\n');
      for (const line of lines) {
        const [, command] = /^aa-ops ([a-z]+) --env production( # .*)?$/.exec(line) ?? [];
        expect(commands, line).toContain(command);
      }
    }
  });

  test('lead to the runbook where the stack knows its address', () => {
    const runbookUrl = 'https://wiki.example.com/event-bus';
    const known = alerts({ ...bus, stack: { ...stack, monitoring: { ...stack.monitoring, runbookUrl } } });
    for (const { annotations } of known) expect(annotations).toMatchObject({ runbook_url: runbookUrl });
  });
});

test('each namespace has a dashboard of its own in one Grafana, by a uid that it takes', () => {
  const of = (namespace: string): { uid: string; title: string } =>
    JSON.parse(dashboard({ ...bus, namespace }));
  expect(of('staging').uid).toBe('aa-ops-staging');
  expect(of('staging').title).toBe('Event Bus - Multi-Stream Overview (staging)');
  const long = 'a'.repeat(62);
  const uids = [`${long}a`, `${long}b`].map((name) => of(name).uid);
  expect(new Set(uids).size).toBe(2);
  for (const uid of uids) expect(uid).toMatch(/^aa-ops-a[\w-]{1,32}$/);
});

test('each workload is scraped where the topology says', async () => {
  const file = join(makeTempDir('topology'), 'topology.yaml');
  const text = await readFile(TOPOLOGY_FILE, 'utf8');
  await writeFile(file, text.replace('metrics: /metrics', 'metrics: /internal/metrics'));
  const { resources } = await registered(stack, file);
  const endpointsOf = (name: string) => named(resources, 'ServiceMonitor', name).inputs['spec'].endpoints;
  expect(endpointsOf('normalize-service')).toEqual([
    { port: 'http', path: '/internal/metrics', interval: '15s' },
  ]);
  expect(endpointsOf('ingest-service')).toEqual([{ port: 'http', path: '/metrics', interval: '15s' }]);
  for (const name of ['normalize-service', 'ingest-service']) {
    const { selector } = named(resources, 'ServiceMonitor', name).inputs['spec'];
    expect(named(resources, 'Service', name).inputs['metadata'].labels).toMatchObject(selector.matchLabels);
  }
});
