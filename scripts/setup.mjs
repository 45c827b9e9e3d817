// Makes a clone ready to run: dependencies, build, servers. Does only what is missing, needs nothing but Node and npm, and says on
// stderr what it does. `npm run demo` and `npm test` begin with it.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const readJson = (path) => JSON.parse(readFileSync(join(root, path), 'utf8'));

/** What `npm test` and `npm run demo` start: one that is missing is built anew, whatever the note says. */
const BUILT = [
  'dist/cli/aa-ops.js',
  'dist/cli/find-servers.js',
  'consumers-runtime/dist/aa-normalize.js',
  'consumers-runtime/dist/aa-ingest.js',
];

checkNode();
if (!dependenciesAreThere()) installDependencies();
if (!buildIsCurrent()) build();
findServers();

function checkNode() {
  const wanted = /\d+\.\d+/.exec(readJson('package.json').engines.node)[0].split('.').map(Number);
  const actual = process.versions.node.split('.').map(Number);
  if (actual[0] > wanted[0] || (actual[0] === wanted[0] && actual[1] >= wanted[1])) return;
  fail(`this is Node ${process.versions.node}; install Node ${wanted.join('.')} or newer`);
}

/** Whether npm's own record of what is installed agrees with package-lock.json; packages for other platforms may be absent. */
function dependenciesAreThere() {
  if (!existsSync(join(root, 'node_modules/.package-lock.json'))) return false;
  const installed = readJson('node_modules/.package-lock.json').packages;
  return Object.entries(readJson('package-lock.json').packages).every(([path, wanted]) => {
    if (!path.startsWith('node_modules/')) return true; // the workspaces themselves
    const it = installed[path];
    if (!it) return wanted.optional === true || wanted.devOptional === true;
    return it.version === wanted.version && it.integrity === wanted.integrity && existsSync(join(root, path));
  });
}

function installDependencies() {
  say('installing dependencies with npm ci');
  const npm = process.env.npm_execpath?.endsWith('npm-cli.js')
    ? [process.execPath, process.env.npm_execpath]
    : ['npm'];
  // Install scripts stay off: no package here needs one, and none gets to run one.
  const args = [
    'ci',
    '--ignore-scripts',
    '--include=dev',
    '--include=optional',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
  ];
  run('cannot install the dependencies; see what npm says above', ...npm, ...args);
}

/** Whether the build is that of the sources, by the note that `build` leaves and build.mjs takes away. */
function buildIsCurrent() {
  if (!BUILT.every((path) => existsSync(join(root, path)))) return false;
  try {
    return readFileSync(join(root, 'dist/.sources'), 'utf8') === hashOfSources();
  } catch {
    return false;
  }
}

function build() {
  say('building');
  const hash = hashOfSources();
  run('cannot build; see above', process.execPath, join(root, 'scripts/build.mjs'));
  writeFileSync(join(root, 'dist/.sources'), hash);
}

function hashOfSources() {
  const hash = createHash('sha256');
  for (const folder of ['topology', 'cli', 'consumers-runtime', 'scripts']) {
    for (const path of filesBelow(folder)) hash.update(`${path}\0`).update(readFileSync(join(root, path)));
  }
  for (const path of ['package.json', 'package-lock.json']) hash.update(readFileSync(join(root, path)));
  return hash.digest('hex');
}

function filesBelow(folder) {
  return readdirSync(join(root, folder), { withFileTypes: true })
    .filter(({ name }) => name !== 'dist' && name !== 'node_modules' && !name.startsWith('.'))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = `${folder}/${entry.name}`;
      return entry.isDirectory() ? filesBelow(path) : entry.isFile() ? [path] : [];
    });
}

function findServers() {
  run(undefined, process.execPath, join(root, 'dist/cli/find-servers.js'));
}

function run(problem, command, ...args) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2] });
  if (error) fail(`cannot run ${command}: ${error.message}`);
  if (status !== 0) fail(problem);
}

function say(line) {
  process.stderr.write(`setup: ${line}\n`);
}

function fail(line) {
  if (line) say(line);
  process.exit(1);
}
