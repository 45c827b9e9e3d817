import { messageOf } from '@aa-ops/topology';
import { clean } from '../render/clean.ts';
import { formatMs } from '../render/numbers.ts';
import type { Paint } from '../render/paint.ts';
import type { View } from './view.ts';

export interface Screen {
  write(text: string): void;
  /** Of the terminal, now. */
  columns(): number;
  paint: Paint;
}

interface Stage {
  title: string;
  begun: number;
  ms?: number;
  failed?: boolean;
  /** The last notice. */
  note: string;
}

const FRAMES = '⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏';
const REDRAW_MS = 100;
const HIDE_CURSOR = '\u001b[?25l';
const SHOW_CURSOR = '\u001b[?25h';

/** A list of stages with a line about the traffic below it, drawn over and over in place. */
export function liveView(screen: Screen): View {
  const { paint } = screen;
  const stages: Stage[] = [];
  let traffic = '';
  let drawn = 0;
  let frame = 0;
  let ended = false;

  const cut = (text: string, used: number): string => {
    const room = Math.max(0, screen.columns() - used - 1);
    return text.length <= room ? text : `${text.slice(0, Math.max(0, room - 1))}…`;
  };
  const line = ({ title, begun, ms, failed, note }: Stage): string => {
    const mark = failed
      ? paint.red('✗')
      : ms !== undefined
        ? paint.green('✔')
        : paint.cyan(FRAMES[frame % FRAMES.length]!);
    const time = formatMs(ms ?? performance.now() - begun).padStart(9);
    const head = `  ${title}`;
    const tail = cut(`  ${note}`, head.length + time.length + 4);
    return ` ${mark}${paint.dim(time)}${head}${paint.dim(tail)}`;
  };
  const draw = (): void => {
    frame++;
    const lines = stages.map(line);
    if (traffic) lines.push('', ` ${cut(traffic, 1)}`);
    const up = drawn > 0 ? `\u001b[${drawn}A` : '';
    screen.write(`${up}${lines.map((text) => `\u001b[2K${text}\n`).join('')}`);
    drawn = lines.length;
  };
  const print = (text: string): void => {
    if (drawn > 0) screen.write(`\u001b[${drawn}A\u001b[0J`);
    screen.write(`${text}\n`);
    drawn = 0;
    draw();
  };

  const showCursor = (): void => screen.write(SHOW_CURSOR);
  process.once('exit', showCursor); // a second Ctrl-C ends us at once
  screen.write(HIDE_CURSOR);
  const timer = setInterval(draw, REDRAW_MS);
  timer.unref();
  return {
    host: {
      notify({ level, message }) {
        if (level === 'warn') print(`${paint.yellow('warning:')} ${clean(message)}`);
        const running = stages.at(-1);
        if (level === 'info' && running) running.note = clean(message);
      },
    },
    async stage(title, work, summary) {
      const stage: Stage = { title, begun: performance.now(), note: '' };
      stages.push(stage);
      try {
        const result = await work();
        stage.note = summary?.(result) ?? '';
        return result;
      } catch (error) {
        stage.failed = true;
        stage.note = clean(messageOf(error));
        throw error;
      } finally {
        stage.ms = performance.now() - stage.begun;
        draw();
      }
    },
    traffic(text) {
      traffic = text;
    },
    end() {
      if (ended) return;
      ended = true;
      clearInterval(timer);
      draw();
      screen.write('\n');
      process.off('exit', showCursor);
      showCursor();
    },
  };
}
