import { catalog } from '../../cli/src/frame/catalog.ts';
import type { CommandSpec } from '../../cli/src/frame/spec.ts';
import { replaceBlocks, table } from './blocks.ts';
import type { GeneratedFile } from './index.ts';

const nameOf = ({ name, commands }: CommandSpec): string =>
  commands ? `${name} ${commands.map((one) => one.name).join('|')}` : name;

/** The commands of README.md. */
export const readmeDocs: GeneratedFile = {
  path: 'README.md',
  make: (before) =>
    Promise.resolve(
      replaceBlocks(before, {
        commands: table(
          ['command', 'what it does'],
          catalog.map((spec) => [`\`${nameOf(spec)}\``, spec.summary]),
        ),
      }),
    ),
};
