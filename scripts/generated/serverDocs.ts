import { NATS_WHEELS } from '../../cli/src/servers/natsPins.ts';
import { capabilities, has } from '../../topology/src/plan/capabilities.ts';
import { replaceBlocks, table } from './blocks.ts';
import type { GeneratedFile } from './index.ts';

const versions = Object.keys(NATS_WHEELS);

/** The tables of docs/servers.md: what each server version can do, from the one module that knows. */
export const serverDocs: GeneratedFile = {
  path: 'docs/servers.md',
  make: (before) =>
    Promise.resolve(
      replaceBlocks(before, {
        capabilities: table(
          ['', ...versions],
          capabilities.map(({ name, now }) => [
            now,
            ...versions.map((version) => (has(version, name) ? 'yes' : '-')),
          ]),
        ),
        use: table(
          ['since', 'what', 'before', 'what aa-ops makes of it'],
          capabilities.map(({ since, now, before: earlier, use }) => [since.join('.'), now, earlier, use]),
        ),
      }),
    ),
};
