import { execFileSync } from 'node:child_process';
import net from 'node:net';

/** Stops the server and all its backends as SIGSTOP does: sockets stay open, nothing answers. Returns what lets them go on. */
export function freeze(postmaster: number): () => void {
  const processes = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' })
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
    .filter(([pid, parent]) => pid === postmaster || parent === postmaster)
    .map(([pid]) => pid!);
  for (const pid of processes) process.kill(pid, 'SIGSTOP');
  return () => {
    for (const pid of processes) {
      try {
        process.kill(pid, 'SIGCONT');
      } catch {
        // it has ended
      }
    }
  };
}

/** A TCP proxy in front of PostgreSQL that can lose an answer: the statement is committed, the client never hears of it. */
export async function startProxy(
  target: number,
): Promise<{ port: number; cutAnswer(): void; cuts(): number; close(): void }> {
  let cutNext = false;
  let cuts = 0;
  const server = net.createServer((client) => {
    const upstream = net.connect(target, '127.0.0.1');
    let started = false;
    client.on('data', (chunk: Buffer) => {
      started ||= chunk.length > 1_000; // a batch of rows, not the handshake
      upstream.write(chunk);
    });
    upstream.on('data', (chunk: Buffer) => {
      if (cutNext && started) {
        cutNext = false;
        cuts++;
        client.destroy();
        upstream.destroy();
      } else client.write(chunk);
    });
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      socket.on('error', () => other.destroy());
      socket.on('close', () => other.destroy());
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as net.AddressInfo).port,
    cutAnswer: () => (cutNext = true),
    cuts: () => cuts,
    close: () => server.close(),
  };
}
