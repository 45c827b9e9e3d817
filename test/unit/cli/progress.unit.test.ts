import { describe, expect, it } from 'vitest';
import type { Notice } from '@aa-ops/topology';
import { openProgress, type ProgressWishes } from '../../../cli/src/frame/progress.ts';
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
      step: (code, text) => void lines.push(`spin ${code} ${text}`),
      print: (text) => void lines.push(`print ${text}`),
      pause: () => void lines.push('pause'),
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
    [{ isTTY: true }, ['spin catch-up lag 3', `print ${warning}`, 'pause']],
  ])('%j', (wishes, expected) => expect(shown(wishes)).toEqual(expected));

  it('as NDJSON has one object a line, without credentials', () => {
    const lines = shown({ progress: 'ndjson', isTTY: true });
    expect(lines.every((line) => line.endsWith('}\n') && line.indexOf('\n') === line.length - 1)).toBe(true);
    const [info, warn] = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(info).toMatchObject({ level: 'info', code: 'catch-up', message: 'lag 3', data: { lag: 3 } });
    expect(warn).toMatchObject({ level: 'warn', code: 'odd' });
    expect(Date.parse(info?.['at'] as string)).not.toBeNaN();
    expect(lines.join('')).not.toContain('secret');
  });
});
