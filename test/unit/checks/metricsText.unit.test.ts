import { expect, test } from 'vitest';
import { parseMetrics, select, sum } from '../../../cli/src/checks/metricsText.ts';

const DOCUMENT = `# HELP normalize_hrv_messages_total Deliveries
# TYPE normalize_hrv_messages_total counter
normalize_hrv_messages_total{result="success",subject="athlete-ally.hrv.raw-received",stream="AA_CORE_HOT",durable="d"} 41
normalize_hrv_messages_total{result="success",subject="athlete-ally.hrv.raw-received",stream="OLD",durable="d"} 1e3
normalize_hrv_messages_total{result="dlq",stream="AA_CORE_HOT"} 2 1759400000000
quoted{path="C:\\\\dir\\n\\"x\\"",brace="}"} 3
process_cpu_seconds_total 1.5
pending NaN
not a metric line at all {
`;

test('samples are read with their labels, escapes and all', () => {
  const samples = parseMetrics(DOCUMENT);
  expect(samples.filter(({ name }) => name === 'quoted')).toEqual([
    { name: 'quoted', labels: { path: 'C:\\dir\n"x"', brace: '}' }, value: 3 },
  ]);
  expect(select(samples, 'process_cpu_seconds_total')).toEqual([
    { name: 'process_cpu_seconds_total', labels: {}, value: 1.5 },
  ]);
  expect(select(samples, 'pending')[0]!.value).toBeNaN();
});

test('sums are taken over what has all the labels', () => {
  const samples = parseMetrics(DOCUMENT);
  const name = 'normalize_hrv_messages_total';
  expect(sum(select(samples, name, { result: 'success', stream: 'AA_CORE_HOT' }))).toBe(41);
  expect(sum(select(samples, name, { stream: 'AA_CORE_HOT' }))).toBe(43);
  expect(sum(select(samples, name, { result: 'success' }))).toBe(1_041);
  expect(select(samples, name, { stream: 'NONE' })).toEqual([]);
});
