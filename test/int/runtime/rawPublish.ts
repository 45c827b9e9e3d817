import { connect } from 'node:net';
import { type Bus, SUBJECT } from './bus.ts';

/** Publishes with header lines as they are, which no client would send, and waits until the server has it. */
export async function rawPublish({ nats }: Pick<Bus, 'nats'>, lines: string, body: string): Promise<void> {
  const { hostname, port } = new URL(nats.url);
  const socket = connect(Number(port), hostname);
  const head = `NATS/1.0\r\n${lines}\r\n\r\n`;
  const size = Buffer.byteLength(head);
  socket.write('CONNECT {"verbose":false,"headers":true}\r\n');
  socket.write(`HPUB ${SUBJECT} ${size} ${size + Buffer.byteLength(body)}\r\n${head}${body}\r\nPING\r\n`);
  await new Promise<void>((resolve, reject) => {
    socket.on('error', reject);
    socket.on('data', (chunk) => {
      if (chunk.includes('PONG')) resolve();
      if (chunk.includes('-ERR')) reject(new Error(chunk.toString()));
    });
  });
  socket.destroy();
}
