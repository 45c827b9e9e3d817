import { readFileSync } from 'node:fs';

/** Set by scripts/build.mjs; absent where the sources run. */
declare const AA_OPS_VERSION: string | undefined;

/** The version of package.json. */
export const readVersion = (): string =>
  typeof AA_OPS_VERSION === 'string'
    ? AA_OPS_VERSION
    : (
        JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
          version: string;
        }
      ).version;
