import { rules } from '@aa-ops/topology';
import { describe, expect, it } from 'vitest';
import { brief, checkText } from './checkText.ts';
import { small } from './examples.ts';
import { ruleCases } from './ruleCases.ts';

describe('rules', () => {
  it('are silent about a topology that keeps to them', async () => {
    expect(brief(await checkText(small))).toEqual([]);
  });

  it('are silent about dead letters elsewhere than below dlq., where the ConfigMap says so', async () => {
    const elsewhere = small.replaceAll('dlq.>', 'dead.>');
    expect(brief(await checkText(elsewhere))).not.toEqual([]);
    const said = 'configMap: { name: c, modeKey: M, data: { BILL_DLQ_SUBJECT: dead.bill } }\nenvironments:';
    expect(brief(await checkText(elsewhere.replace('environments:', said)))).toEqual([]);
  });

  it.each(ruleCases)('$code: $message', async ({ code, edits, message, fix, severity, also = [] }) => {
    const text = edits.reduce((before, [from, to]) => {
      expect(before).toContain(from);
      return before.replace(from, () => to);
    }, small);
    const { place, problems } = await checkText(text);
    const mine = problems.filter(
      (problem) => !also.some((other) => problem.message.includes(other) && problem.message !== message),
    );
    expect(mine.map((problem) => ({ ...problem, at: `${problem.line}:${problem.column}` }))).toMatchObject([
      { code, message, fix, severity: severity ?? 'error', file: 't.yaml', at: place },
    ]);
  });

  it('have a case each here', () => {
    expect(new Set(ruleCases.map(({ code }) => code))).toEqual(new Set(rules.map(({ code }) => code)));
  });

  it('never repeat a secret', async () => {
    const text = small
      .replace('nats://there:4222', 'nats://me:hunter2@there:99999')
      .replace('replicas: 3', 'databaseUrlFrom: postgres://me:hunter2@db/x');
    const { problems } = await checkText(text);
    expect(problems.map(({ code }) => code).sort()).toEqual([
      'bad-server-url',
      'secret-in-file',
      'secret-in-file',
    ]);
    expect(JSON.stringify(problems)).not.toContain('hunter2');
    const split = small.replace('nats://there:4222', 'nats://me:hun/ter2@x@there:4222');
    expect(JSON.stringify((await checkText(split)).problems)).not.toMatch(/hun|ter2/);
  });
});
