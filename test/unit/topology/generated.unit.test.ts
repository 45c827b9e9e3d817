import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { generatedFiles } from '../../../scripts/generated/index.ts';

it.each(generatedFiles.map((file) => [file.path, file] as const))(
  '%s is what the code makes of it',
  async (path, { make }) => {
    const checkedIn = await readFile(path, 'utf8');
    expect(await make(checkedIn)).toBe(checkedIn);
  },
);
