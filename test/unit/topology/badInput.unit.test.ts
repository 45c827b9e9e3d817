import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { checkTopology, hasErrors } from '@aa-ops/topology';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { brief, checkText, withFiles } from './checkText.ts';
import { small } from './examples.ts';

const MIB = 2 ** 20;
const onlyFirst = async (content: string | Uint8Array) =>
  withFiles({ 't.yaml': content }, async (folder) => {
    const { problems } = await checkTopology(join(folder, 't.yaml'));
    const [first] = problems;
    return {
      amount: problems.length,
      at: `${first?.line}:${first?.column}`,
      code: first?.code,
      message: first?.message,
    };
  });

describe('bad input is a problem with a place', () => {
  it.each([
    ['an empty file', '', '1:1', 'empty-file'],
    ['nothing but comments', '# a\n# b\n', '1:1', 'empty-file'],
    ['a tab', 'version: 1\nstreams:\n\tA: {}\n', '3:1', 'tab'],
    ['an open quote', 'name: "x\n', '2:1', 'yaml-syntax'],
    ['a bare text', 'hello', '1:1', 'wrong-type'],
    ['a list', '[1]', '1:1', 'wrong-type'],
    ['latin-1', Buffer.from('version: 1\nname: caf\xe9\n', 'latin1'), '2:10', 'not-utf8'],
    ['UTF-16', Buffer.from('\uFEFFversion: 1\n', 'utf16le'), '1:1', 'not-utf8'],
    ['a NUL', 'version: 1\nname: a\0b\n', '2:8', 'not-utf8'],
    ['a megabyte of [', '['.repeat(MIB), '1:201', 'yaml-too-deep'],
    ['a megabyte of -', '- '.repeat(MIB / 2), '1:400', 'yaml-too-deep'],
    ['more than 16 MiB', Buffer.alloc(16 * MIB + 1, 'a'), '1:1', 'file-too-large'],
  ])('%s', async (_, content, at, code) => {
    expect(await onlyFirst(content)).toMatchObject({ amount: 1, at, code });
  });

  it('a megabyte of noise, as bytes and as text', async () => {
    expect(await onlyFirst(Buffer.concat([Buffer.from([0xff]), randomBytes(MIB)]))).toMatchObject({
      code: 'not-utf8',
    });
    const text = await onlyFirst(randomBytes(MIB).toString('base64'));
    expect(text).toMatchObject({ amount: 1, code: 'wrong-type' });
    expect(text.message?.length).toBeLessThan(200);
  });

  it('twenty thousand keys, and one key twenty thousand times', async () => {
    const keys = await onlyFirst(Array.from({ length: 20_000 }, (_, n) => `k${n}: 1\n`).join(''));
    expect(keys.amount).toBeLessThan(100);
    const twice = await onlyFirst('k: 1\n'.repeat(20_000));
    expect(twice.amount).toBeLessThan(600);
  });

  it('aliases that stand for a billion values', async () => {
    const lines = Array.from(
      { length: 12 },
      (_, n) => `x-${n}: &l${n} [${n === 0 ? 1 : Array(10).fill(`*l${n - 1}`)}]`,
    );
    const { problems } = await checkText(`${lines.join('\n')}\n${small}`);
    expect(problems.map(({ code }) => code)).toEqual(['yaml-bomb']);
  });

  it('says what is not closed, not that the next line is badly indented', async () => {
    const [problem] = (await checkText('x-a: { b: [1, 2 }\n' + small)).problems;
    expect(problem).toMatchObject({
      code: 'yaml-syntax',
      message: 'a [ that was opened before is not closed here',
    });
    const [root] = (await checkText('x-a: {\n  b: 1\n' + small)).problems;
    expect(root).toMatchObject({ message: 'a { that was opened before is not closed here' });
  });

  it.each([
    ['an alias inside its own anchor', 'x-a: &a { b: ▸*a }\n', 'alias-cycle'],
    ['an alias of nothing', 'x-a: ▸*nope\n', 'unknown-alias'],
    ['a tag', 'x-a: ▸!secret 1\n', 'yaml-syntax'],
    ['a [ that is not closed', 'x-a: [1, 2\n▸x-b: 1\n', 'yaml-syntax'],
    ['a list as key', 'x-a:\n  ? ▸[1]\n  : 2\n', 'odd-key'],
    ['__proto__', '▸__proto__: {}\n', 'refused-name'],
    ['a merge of a text', 'x-a: ▸{ <<: hello }\n', 'odd-key'],
    ['a key twice', 'x-a: 1\n▸x-a: 2\n', 'duplicate-key'],
  ])('%s', async (_, line, code) => {
    const checked = await checkText(line + small);
    expect(brief(checked)).toEqual([`${checked.place} ${code}`]);
  });

  it('a second document', async () => {
    const checked = await checkText(`${small}---\na: 1\n`);
    expect(checked.problems).toMatchObject([{ code: 'several-documents' }]);
  });

  it('a duplicate names the line of the first', async () => {
    const { problems } = await checkText(small.replace('  DEAD: {}', '  DEAD: {}\n  ▸ALL: {}'));
    expect(problems).toMatchObject([
      { code: 'duplicate-key', message: 'ALL stands twice: the first is in line 4', line: 7, column: 3 },
    ]);
  });

  it('no such file, and a folder without YAML', async () => {
    await withFiles({ 'a.txt': small }, async (folder) => {
      expect(await checkTopology(folder)).toMatchObject({
        problems: [{ file: folder, line: 1, column: 1, code: 'no-topology' }],
      });
      expect(await checkTopology(join(folder, 'b.yaml'))).toMatchObject({
        problems: [{ code: 'no-topology' }],
      });
    });
    expect(await checkTopology('/dev/zero')).toMatchObject({ problems: [{ code: 'unreadable-file' }] });
  });

  it('but a byte order mark and CRLF are none', async () => {
    expect(brief(await checkText(`\uFEFF${small}`))).toEqual([]);
    expect(brief(await checkText(small.replaceAll('\n', '\r\n')))).toEqual([]);
    const { problems, place } = await checkText(small.replaceAll('\n', '\r\n').replace('7d', '▸7x'));
    expect(problems.map(({ line, column }) => `${line}:${column}`)).toEqual([place]);
  });
});

describe('whatever stands in a file', () => {
  const lines = small.split('\n');
  const breakLine = fc.tuple(
    fc.nat({ max: lines.length - 1 }),
    fc.nat({ max: 60 }),
    fc.string({ unit: fc.constantFrom(...'{}[]:,-&*!|>\'"%@`#? \t\n0azß'), maxLength: 6 }),
  );

  it('is checked without an exception, and a problem has a place in it', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(breakLine, { minLength: 1, maxLength: 4 }), async (breaks) => {
        const broken = [...lines];
        for (const [line, column, text] of breaks) {
          const before = broken[line] ?? '';
          broken[line] = before.slice(0, column) + text + before.slice(column + 1);
        }
        const text = broken.join('\n');
        const { problems, file } = await checkText(text);
        expect(file === undefined).toBe(hasErrors(problems));
        const amount = text.split('\n').length;
        for (const { line, column, message, fix } of problems) {
          expect(line >= 1 && line <= amount && column >= 1).toBe(true);
          expect(message).toMatch(/^[^\n]+$/);
          expect(fix).not.toBe('');
        }
      }),
      { numRuns: 200 },
    );
  });
});
