import { describe, expect, it } from 'vitest';
import { type ErrorKind, OpsError } from '@aa-ops/topology';
import { explainFailure, interruption } from '../../../cli/src/frame/failure.ts';
import { redact } from '../../../cli/src/frame/redact.ts';
import { plainPaint } from '../../../cli/src/render/index.ts';

const explain = (error: unknown, more: { verbose?: boolean; signal?: AbortSignal } = {}) =>
  explainFailure(error, { verbose: false, paint: plainPaint, ...more });

const aborted = (): AbortSignal => AbortSignal.abort(interruption('SIGINT'));

describe('an error', () => {
  it.each<[ErrorKind, number]>([
    ['failed', 1],
    ['refused', 3],
    ['partial', 4],
    ['unequal', 5],
    ['locked', 6],
    ['usage', 64],
    ['interrupted', 130],
  ])('of kind %s ends with %i', (kind, code) => {
    expect(explain(new OpsError('a-code', 'no such thing', { kind })).exitCode).toBe(code);
  });

  it('is one JSON document and two lines', () => {
    const error = new OpsError('a-code', 'no stream X', {
      hint: 'aa-ops streams ls',
      details: { stream: 'X' },
    });
    expect(explain(error)).toEqual({
      json: {
        schemaVersion: 1,
        error: {
          code: 'a-code',
          message: 'no stream X',
          hint: 'aa-ops streams ls',
          details: { stream: 'X' },
        },
      },
      text: 'error: no stream X\nhint: aa-ops streams ls',
      exitCode: 1,
    });
  });

  it('that is none of ours is a bug and says so, its stack only when asked for', () => {
    const failure = explain(new TypeError('x is not a function'));
    expect(failure).toMatchObject({ exitCode: 1, json: { error: { code: 'internal' } } });
    expect(failure.text).toMatch(/^error: this is a bug in aa-ops: x is not a function\nhint: .*--verbose/);
    expect(failure.text).not.toContain('failure.unit.test');
    const cause = new Error('below');
    const verbose = explain(new OpsError('a-code', 'above', { cause }), { verbose: true });
    expect(verbose.text).toContain('failure.unit.test');
    expect(verbose.text).toContain('caused by: Error: below');
  });

  it('carries no credentials and no control characters', () => {
    const url = 'nats://user:p@ss\u001b@host:4222';
    const { json, text } = explain(
      new OpsError('a-code', `bad ${url}`, { hint: `not ${url}`, details: { urls: [url], deep: { url } } }),
      { verbose: true },
    );
    expect(JSON.stringify(json) + text).not.toContain('p@ss');
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
    expect(json.error.details).toEqual({
      urls: ['nats://***@host:4222'],
      deep: { url: 'nats://***@host:4222' },
    });
  });

  it('because of a signal is the interruption, whatever it is dressed as', () => {
    const signal = aborted();
    const wrapped = new OpsError('copy-failed', 'the copy stopped', { cause: signal.reason });
    for (const error of [signal.reason, wrapped, new Error('aborted'), new DOMException('x', 'AbortError')])
      expect(explain(error, { signal })).toMatchObject({
        exitCode: 130,
        json: { error: { code: 'interrupted' } },
      });
  });

  it('that says more than the signal keeps its own code', () => {
    const signal = aborted();
    const stopped = new OpsError('run-stopped', 'stopped before handover', {
      kind: 'interrupted',
      hint: 'aa-ops migrate --resume',
      cause: signal.reason,
    });
    expect(explain(stopped, { signal })).toMatchObject({
      exitCode: 130,
      json: { error: { code: 'run-stopped' } },
    });
    const partial = new OpsError('half-way', 'x', { kind: 'partial', cause: signal.reason });
    expect(explain(partial, { signal }).exitCode).toBe(4);
    expect(explain(new OpsError('other', 'x'), { signal }).exitCode).toBe(1);
  });
});

describe('redact', () => {
  it.each([
    ['nats://u:p@h:4222', 'nats://***@h:4222'],
    ['tls://token@h', 'tls://***@h'],
    ['postgres://u:p@w@h/db and nats://h:1', 'postgres://***@h/db and nats://h:1'],
    ['nats://a:1,nats://u:p@b:2', 'nats://a:1,nats://***@b:2'],
    ['nats://u:p,q@b:2', 'nats://***@b:2'],
    ['nats://u:p,q@a:1,tls://v:w@b:2', 'nats://***@a:1,tls://***@b:2'],
    ['mail me@home', 'mail me@home'],
    ['nats://h:4222', 'nats://h:4222'],
  ])('%s', (text, expected) => expect(redact(text)).toBe(expected));
});
