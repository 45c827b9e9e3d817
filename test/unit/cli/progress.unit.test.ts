import { describe, expect, it } from 'vitest';
import type { Notice } from '@aa-ops/topology';
import { openProgress, type ProgressWishes } from '../../../cli/src/frame/progress.ts';
import { canSpin } from '../../../cli/src/frame/spinner.ts';
import { plainPaint } from '../../../cli/src/render/index.ts';

const NOTICES: Notice[] = [
  { level: 'debug', code: 'detail', message: 'a detail' },
  { level: 'info', code: 'catch-up', message: 'lag 3', data: { lag: 3, url: 'nats://u:secret@h' } },
  { level: 'warn', code: 'odd', message: 'odd \u001b[31mname\nof nats://u:secret@h' },
];

function shown(wishes: Partial<ProgressWishes>): string[] {
  const lines: string[] = [];
  const host = openProgress({
    progress: 'auto',
    quiet: false,
    verbose: false,
    isTTY: false,
    paint: plainPaint,
    write: (line) => void lines.push(line),
    openSpinner: () => ({
      spin: (text) => void lines.push(`spin ${text}`),
      print: (text) => void lines.push(`print ${text}`),
      stop: () => void lines.push('stop'),
    }),
    ...wishes,
  });
  for (const notice of NOTICES) host.notify(notice);
  host.pause();
  return lines;
}

describe('progress', () => {
  const warning = 'warning: odd \\x1b[31mname of nats://***@h';
  it.each<[Partial<ProgressWishes>, string[]]>([
    [{}, ['lag 3\n', `${warning}\n`]],
    [{ verbose: true }, ['a detail\n', 'lag 3\n', `${warning}\n`]],
    [{ quiet: true }, [`${warning}\n`]],
    [{ progress: 'plain', isTTY: true }, ['lag 3\n', `${warning}\n`]],
    [{ isTTY: true }, ['spin lag 3', `print ${warning}`, 'stop']],
  ])('%j', (wishes, expected) => expect(shown(wishes)).toEqual(expected));

  it('on a terminal keeps every line but those that only tell what is going on', () => {
    const lines: string[] = [];
    const host = openProgress({
      progress: 'auto',
      quiet: false,
      verbose: false,
      isTTY: true,
      paint: plainPaint,
      write: () => {},
      openSpinner: () => ({
        spin: (text) => void lines.push(`spin ${text}`),
        print: (text) => void lines.push(text),
        stop: () => void lines.push('stop'),
      }),
    });
    for (const [code, message] of [
      ['step-started', 'Restart'],
      ['rollout', '1 of 2'],
      ['rollout', '2 of 2'],
      ['step-done', 'Restart: done'],
    ] as const)
      host.notify({ level: 'info', code, message });
    expect(lines).toEqual(['spin Restart', '1 of 2', '2 of 2', 'stop', 'Restart: done']);
  });

  it('as NDJSON has one object a line, without credentials', () => {
    const lines = shown({ progress: 'ndjson', isTTY: true });
    expect(lines.every((line) => line.endsWith('}\n') && line.indexOf('\n') === line.length - 1)).toBe(true);
    const [info, warn] = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(info).toMatchObject({ level: 'info', code: 'catch-up', message: 'lag 3', data: { lag: 3 } });
    expect(warn).toMatchObject({ level: 'warn', code: 'odd' });
    expect(Date.parse(info?.['at'] as string)).not.toBeNaN();
    expect(lines.join('')).not.toContain('secret');
  });

  it('draws only where there is a width to draw in', () => {
    expect(canSpin({ columns: 80 }, { TERM: 'xterm' })).toBe(true);
    expect(canSpin({ columns: 80 }, { TERM: 'dumb' })).toBe(false);
    expect(canSpin({ columns: 0 }, { TERM: 'xterm' })).toBe(false);
    expect(canSpin({}, { TERM: 'xterm' })).toBe(false);
  });
});
