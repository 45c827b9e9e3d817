// Runs a command in namespaces of its own, as root or as a plain user (in a user namespace, in which PostgreSQL still sees a plain
// user). Network: a cluster's pods get addresses there, and nothing leads off the machine. Processes and /dev/shm: whatever the
// command started and wrote is gone with it, also when this is killed. Ends with 69 (EX_UNAVAILABLE of sysexits.h) where such
// namespaces are forbidden.
import { spawn, spawnSync } from 'node:child_process';

const user = process.getuid() === 0 ? [] : ['--user', '--map-current-user', '--keep-caps'];
const enter = ['unshare', ...user, '--net', '--mount', '--pid', '--fork', '--kill-child=KILL', '--'];
// The shell stays as process 1, which takes in orphans. AA_OPS_NAMESPACE is its number outside, for whoever wants to look in:
// until the new /proc is mounted, the old one tells it. Pods run as users of their own, who read what the command writes: a umask
// that closes it to them stays outside.
const inside = `
umask 022
read -r AA_OPS_NAMESPACE rest < /proc/self/stat
export AA_OPS_NAMESPACE
mount -t proc proc /proc && mount -t tmpfs -o mode=1777 shm /dev/shm && ip link set lo up || exit 69
"$@"
exit $?`;

const tried = spawnSync(enter[0], [...enter.slice(1), 'sh', '-c', inside, 'sh', 'true'], {
  encoding: 'utf8',
});
if (tried.status !== 0) {
  process.stderr.write(`cannot make a network namespace: ${tried.error?.message ?? tried.stderr.trim()}\n`);
  process.stderr.write(
    'the cluster needs Linux with user namespaces (or root with CAP_SYS_ADMIN), util-linux and iproute2\n',
  );
  process.exit(69);
}

// In a session of its own: a Ctrl-C reaches the command once, from here.
const command = [...enter, 'sh', '-c', inside, 'sh', ...process.argv.slice(2)];
const child = spawn('setpriv', ['--pdeathsig', 'KILL', ...command], { stdio: 'inherit', detached: true });
child.once('exit', (status, signal) => process.exit(status ?? (signal ? 1 : 0)));
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.kill(-child.pid, signal));
