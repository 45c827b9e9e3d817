import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { OpsError } from '@aa-ops/topology';

/** A file that comes with aa-ops, found from the source and from the built command. Throws OpsError `file-missing`. */
export function shippedFile(path: string): string {
  const start = dirname(fileURLToPath(import.meta.url));
  for (let folder = start; ; folder = dirname(folder)) {
    if (existsSync(join(folder, path))) return join(folder, path);
    if (folder === dirname(folder)) break;
  }
  throw new OpsError('file-missing', `found no ${path} in any folder above ${start}`, {
    hint: 'run the demo from a whole clone of the repository',
  });
}
