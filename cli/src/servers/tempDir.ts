import {
  accessSync,
  constants,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statfsSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * A new folder of mode 700, on tmpfs where there is one (creating streams slows down with churn on ext4). Its name tells which process it
 * belongs to; what processes that are gone left behind (they were killed) is removed on the way.
 */
export function makeTempDir(label: string): string {
  const base = tempBase();
  removeOrphans(base);
  return mkdtempSync(join(base, `${prefix()}${process.pid}-${startTimeOf(process.pid) ?? 0}-${label}-`));
}

// A container's /dev/shm is often 64 MiB; a PostgreSQL and a nats-server at work need more.
const SPACE = 1 << 30;

function tempBase(): string {
  try {
    accessSync('/dev/shm', constants.W_OK);
    const { bavail, bsize } = statfsSync('/dev/shm');
    if (bavail * bsize >= SPACE) return '/dev/shm';
    return tmpdir();
  } catch {
    return tmpdir();
  }
}

/**
 * When a process started, in clock ticks since boot (field 22 of /proc/PID/stat); undefined where it is gone or there is no /proc.
 * Number and start together name a process for ever: a number alone is used again.
 */
export function startTimeOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

// Two containers may share a /dev/shm, but not their process numbers.
function prefix(): string {
  try {
    return `aa-ops-${/\d+/.exec(readlinkSync('/proc/self/ns/pid'))![0]}-`;
  } catch {
    return 'aa-ops-0-';
  }
}

function removeOrphans(base: string): void {
  const mine = prefix();
  if (mine === 'aa-ops-0-') return;
  for (const name of readdirSync(base)) {
    if (!name.startsWith(mine)) continue;
    const [pid, started] = name.slice(mine.length).split('-');
    if (startTimeOf(Number(pid)) === started) continue;
    try {
      if (statSync(join(base, name)).uid === process.getuid?.())
        rmSync(join(base, name), { recursive: true, force: true });
    } catch {
      // Someone else is removing it.
    }
  }
}
