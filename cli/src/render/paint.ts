type Brush = (text: string) => string;

/** The few colours that the output uses; each is the identity where there is no colour. */
export interface Paint {
  bold: Brush;
  dim: Brush;
  red: Brush;
  green: Brush;
  yellow: Brush;
  cyan: Brush;
}

const same: Brush = (text) => text;
/** No colours. */
export const plainPaint: Paint = {
  bold: same,
  dim: same,
  red: same,
  green: same,
  yellow: same,
  cyan: same,
};

export interface ColourWish {
  /** False with --no-color. */
  color: boolean;
  isTTY: boolean;
  env: NodeJS.ProcessEnv;
}

/** --no-color, then FORCE_COLOR (`0` and `false` say no), then NO_COLOR (no-color.org), then whether a terminal reads it. */
export function wantsColour({ color, isTTY, env }: ColourWish): boolean {
  if (!color) return false;
  if (env['FORCE_COLOR'] !== undefined) return !['0', 'false'].includes(env['FORCE_COLOR']);
  if (env['NO_COLOR']) return false;
  return isTTY && env['TERM'] !== 'dumb';
}

/** Loads chalk only where colours are wanted. */
export async function loadPaint(wish: ColourWish): Promise<Paint> {
  if (!wantsColour(wish)) return plainPaint;
  const { Chalk } = await import('chalk');
  const chalk = new Chalk({ level: 1 });
  return {
    bold: (text) => chalk.bold(text),
    dim: (text) => chalk.dim(text),
    red: (text) => chalk.red(text),
    green: (text) => chalk.green(text),
    yellow: (text) => chalk.yellow(text),
    cyan: (text) => chalk.cyan(text),
  };
}
