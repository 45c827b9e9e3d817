// Runs a command in a network namespace of its own: a cluster's pods get addresses there, and nothing leads off the machine.
// As root or as a plain user (in a user namespace, in which PostgreSQL still sees a plain user).
import { spawnSync } from 'node:child_process';

const [command, ...args] = process.argv.slice(2);
const user = process.getuid() === 0 ? [] : ['--user', '--map-current-user', '--keep-caps'];
const namespaces = [...user, '--net', '--mount', '--kill-child=KILL', '--fork'];
const tried = spawnSync('unshare', [...user, '--net', '--mount', 'ip', 'link', 'set', 'lo', 'up'], {
  encoding: 'utf8',
});
if (tried.status !== 0) {
  const why = tried.error?.message ?? tried.stderr.trim();
  process.stderr.write(`cannot make a network namespace: ${why}\n`);
  process.stderr.write(
    'the cluster needs Linux with user namespaces (or root with CAP_SYS_ADMIN), util-linux and iproute2\n',
  );
  process.exit(1);
}
const lo = 'ip link set lo up && exec "$@"';
const { status, signal } = spawnSync('unshare', [...namespaces, 'sh', '-c', lo, 'sh', command, ...args], {
  stdio: 'inherit',
});
process.exit(status ?? (signal ? 1 : 0));
