import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse as parseYaml } from 'yaml';
import {
  clean,
  cleanRendered,
  formatAgo,
  formatBytes,
  formatMs,
  loadPaint,
  Painted,
  renderDocument,
  renderFields,
  renderTable,
  wantsColour,
} from '../../../cli/src/render/index.ts';

const OBEYED = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/;
const nasty = fc.string({
  unit: fc.constantFrom(
    'a',
    'é',
    '😀',
    ' ',
    ':',
    '"',
    '#',
    '\n',
    '\t',
    '\r',
    '\u001b',
    '\u009b',
    '\u007f',
    '\u202e',
  ),
});

describe('text from elsewhere', () => {
  it('stays one line without anything that a terminal obeys', () => {
    fc.assert(
      fc.property(nasty, (text) => {
        expect(clean(text)).not.toMatch(OBEYED);
        expect(clean(text)).not.toMatch(/[\n\t]/);
      }),
    );
    expect(clean('a\u001b[31mb\nc')).toBe('a\\x1b[31mb c');
  });

  it('cannot hide in a rendered text; our colours pass', () => {
    expect(cleanRendered('\u001b[31mred\u001b[39m\n')).toBe('\u001b[31mred\u001b[39m\n');
    expect(cleanRendered('\u001b]0;title\u0007\u001b[2J')).toBe('\\x1b]0;title\\x07\\x1b[2J');
  });
});

describe('a document', () => {
  it('reads back to the same value from JSON and YAML, without control characters', async () => {
    const value = fc.letrec((tie) => ({
      node: fc.oneof(
        nasty,
        fc.integer(),
        fc.boolean(),
        fc.constant(null),
        fc.array(tie('node')),
        tie('record'),
      ),
      record: fc.dictionary(nasty, tie('node'), { noNullPrototype: true }),
    })).record;
    await fc.assert(
      fc.asyncProperty(value, async (json) => {
        const plain: unknown = JSON.parse(JSON.stringify(json));
        const asJson = await renderDocument('json', { json, text: '' });
        expect(JSON.parse(asJson)).toEqual(plain);
        expect(asJson).not.toMatch(OBEYED);
        const asYaml = await renderDocument('yaml', { json, text: '' });
        expect(parseYaml(asYaml)).toEqual(plain);
        expect(asYaml).not.toMatch(OBEYED);
      }),
    );
  });

  it('as text ends in one newline, or is empty', async () => {
    expect(await renderDocument('text', { json: 1, text: 'x\n\n' })).toBe('x\n');
    expect(await renderDocument('text', { json: 1, text: '' })).toBe('');
  });

  it('has no anchors where a value stands twice', async () => {
    const one = { a: [1] };
    expect(await renderDocument('yaml', { json: { x: one, y: one }, text: '' })).not.toMatch(/[&*]/);
  });
});

describe('a table', () => {
  it('pads to the widest cell, numbers to the right, without trailing spaces', () => {
    const columns = [
      { title: 'Name' },
      { title: 'Messages', align: 'right' as const },
      { title: 'Subjects' },
    ];
    const rows = [
      ['A', 5, ''],
      ['LONGER', 1_000, 'a.>\nb'],
    ];
    expect(renderTable(columns, rows)).toBe(
      ['Name    Messages  Subjects', 'A              5', 'LONGER      1000  a.> b'].join('\n'),
    );
  });

  it('does not count colours as width', async () => {
    const paint = await loadPaint({ color: true, isTTY: true, env: {} });
    const [, red, plain] = renderTable(
      [{ title: 'a' }, { title: 'b' }],
      [
        [new Painted(paint.red('xx')), 1],
        ['xx', 1],
      ],
    ).split('\n');
    expect(red).toBe('\u001b[31mxx\u001b[39m  1');
    expect(plain).toBe('xx  1');
  });

  it('aligns fields', () => {
    expect(
      renderFields([
        ['Name', 'x'],
        ['Messages', 3],
      ]),
    ).toBe('Name:      x\nMessages:  3');
  });
});

describe('numbers for people', () => {
  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1536, '1.5 KiB'],
    [200 * 1024 ** 2, '200 MiB'],
    [2 ** 60, '1048576 TiB'],
  ])('%i bytes', (bytes, text) => expect(formatBytes(bytes)).toBe(text));

  it.each([
    [0, '0 ms'],
    [0.44, '0.4 ms'],
    [18.2, '18 ms'],
    [999, '999 ms'],
    [999.7, '1 s'],
    [3_200, '3.2 s'],
    [59_990, '1 m'],
    [250_000, '4 m 10 s'],
    [7_500_000, '2 h 5 m'],
    [273_600_000, '3 d 4 h'],
  ])('%d ms', (ms, text) => expect(formatMs(ms)).toBe(text));

  it('instants', () => {
    const now = Date.parse('2026-01-01T00:00:10Z');
    expect(formatAgo('2026-01-01T00:00:00Z', now)).toBe('10 s ago');
    expect(formatAgo('2026-01-01T00:00:11Z', now)).toBe('0 ms ago');
    expect(formatAgo('0001-01-01T00:00:00Z', now)).toBe('never');
    expect(formatAgo(undefined, now)).toBe('never');
  });
});

describe('colours', () => {
  it.each([
    [{ color: true, isTTY: true, env: {} }, true],
    [{ color: true, isTTY: false, env: {} }, false],
    [{ color: false, isTTY: true, env: { FORCE_COLOR: '1' } }, false],
    [{ color: true, isTTY: true, env: { NO_COLOR: '1' } }, false],
    [{ color: true, isTTY: true, env: { NO_COLOR: '' } }, true],
    [{ color: true, isTTY: false, env: { FORCE_COLOR: '1', NO_COLOR: '1' } }, true],
    [{ color: true, isTTY: true, env: { FORCE_COLOR: '0' } }, false],
    [{ color: true, isTTY: true, env: { TERM: 'dumb' } }, false],
  ])('%j: %s', (wish, expected) => expect(wantsColour(wish)).toBe(expected));
});
