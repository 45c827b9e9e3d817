import { access, chmod, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { folderOnPath } from '../../../cli/src/servers/search.ts';

/** The two parts of Pulumi that only its ordinary installation has, and what stands in for them here. */
const STAND_INS = {
  'pulumi-language-nodejs': './languageHost.ts',
  'pulumi-resource-kubernetes': './provider/serve.ts',
};

/** Executables that start the stand-ins of those plugins that PATH does not have: the folders to put in front of it. */
export async function pluginPath(folder: string, pulumi: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  const here = fileURLToPath(new URL('.', import.meta.url));
  for (const [name, file] of Object.entries(STAND_INS)) {
    if (await folderOnPath(name)) continue;
    const tsx = fileURLToPath(import.meta.resolve('tsx'));
    const command = `exec "${process.execPath}" --import "${tsx}" "${join(here, file)}" "$@"`;
    await writeFile(join(folder, name), `#!/bin/sh\n${command}\n`);
    await chmod(join(folder, name), 0o755);
    await access(join(here, file));
  }
  return [folder, dirname(pulumi), process.env['PATH']].join(':');
}
