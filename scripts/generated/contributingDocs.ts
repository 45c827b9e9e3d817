import { replaceBlocks, table } from './blocks.ts';
import type { GeneratedFile } from './index.ts';

interface LintBlock {
  files?: string[];
  rules?: Record<string, unknown>;
}

/** What `forbid` of eslint.config.mjs makes. */
type Restriction = ['error', { patterns: { group: string[]; message: string }[] }];

const config = new URL('../../eslint.config.mjs', import.meta.url).href;

const folderOf = (pattern: string): string => pattern.replace('/**/*.ts', '/');
const code = (names: readonly string[]): string => names.map((name) => `\`${name}\``).join(', ');

/** The boundaries of CONTRIBUTING.md: what the linter forbids, and its own words about what to do instead. */
export const contributingDocs: GeneratedFile = {
  path: 'CONTRIBUTING.md',
  async make(before) {
    const blocks = ((await import(config)) as { default: LintBlock[] }).default;
    const forbidden = blocks.flatMap(({ files = [], rules }) => {
      const restriction = rules?.['no-restricted-imports'] as Restriction | undefined;
      return (restriction?.[1].patterns ?? []).map((pattern) => ({
        ...pattern,
        folders: files.map(folderOf),
      }));
    });
    const messages = [...new Set(forbidden.map(({ message }) => message))];
    const rows = messages.map((message) => {
      const same = forbidden.filter((one) => one.message === message);
      return [code(same[0]!.group), code(same.flatMap(({ folders }) => folders)), message];
    });
    return replaceBlocks(before, {
      boundaries: table(['what', 'may not be imported in', 'because, and instead'], rows),
    });
  },
};
