// Assembles what an image holds into a folder, from the build: `pack.mjs runtime` makes dist/images/runtime, `pack.mjs cli` dist/images/cli
// (`--out DIR` makes them elsewhere). The Dockerfiles copy these folders as they are, and the cluster tests run them as pods.
import { chmod, cp, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { NOTICES } from './notices.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * Per image: the package that it is, where its bundles are, whose notices go beside LICENSE, and what is copied, from the repository
 * to the image. All dependencies are in the bundles.
 */
const images = {
  runtime: {
    package: 'consumers-runtime/package.json',
    bundles: 'consumers-runtime/dist',
    copies: { 'consumers-runtime/dist': 'dist', 'consumers-runtime/migrations': 'migrations' },
  },
  cli: { package: 'package.json', bundles: 'dist/cli', copies: { 'dist/cli': 'dist/cli' } },
};

const {
  values: { out },
  positionals,
} = parseArgs({
  allowPositionals: true,
  options: { out: { type: 'string', default: join(root, 'dist/images') } },
});
for (const name of positionals) {
  if (!images[name]) throw new Error(`no image is called ${name}: ${Object.keys(images).join(', ')} are`);
  await pack(name, images[name]);
}

/** Whole at once: nobody finds half a folder. */
async function pack(name, image) {
  const folder = join(out, name);
  const made = `${folder}.${process.pid}`;
  await rm(made, { recursive: true, force: true });
  await mkdir(made, { recursive: true });
  for (const [from, to] of Object.entries(image.copies)) {
    const filter = (path) => !path.endsWith('.map') && basename(path) !== NOTICES;
    await cp(join(root, from), join(made, to), { recursive: true, filter });
  }
  await cp(join(root, 'LICENSE'), join(made, 'LICENSE'));
  await cp(join(root, image.bundles, NOTICES), join(made, NOTICES));
  const {
    name: packageName,
    version,
    license,
    type,
    bin,
  } = JSON.parse(await readFile(join(root, image.package), 'utf8'));
  const manifest = { name: packageName, version, license, private: true, type, bin };
  await writeFile(join(made, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  await openToAll(made);
  await rm(folder, { recursive: true, force: true });
  await rename(made, folder);
  process.stderr.write(`pack: ${folder}\n`);
}

/** A checkout made under `umask 077` is its owner's alone, and images keep modes: pods run as another user, who has to read it all. */
async function openToAll(folder) {
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    await chmod(path, entry.isDirectory() ? 0o755 : ((await stat(path)).mode & 0o777) | 0o444);
  }
}
