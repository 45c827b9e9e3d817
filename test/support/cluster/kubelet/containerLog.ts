import { createWriteStream, type WriteStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

/** Writes both outputs of a container line by line, each with its instant in front, as container runtimes do. */
export function keepLog(file: string, outputs: Readable[]): WriteStream {
  const log = createWriteStream(file, { flags: 'a' });
  for (const output of outputs) {
    createInterface({ input: output }).on('line', (line) =>
      log.write(`${new Date().toISOString()} ${line}\n`),
    );
  }
  return log;
}

/** The log of one process of a container. */
export interface ContainerLog {
  file: string;
  /** Whether its process still runs. */
  grows(): boolean;
}

export interface LogQuery {
  tailLines?: number;
  /** Only lines since this instant, ms since 1970. */
  since?: number;
  timestamps: boolean;
}

/** A container's log as `kubectl logs` asks for it. */
export function showLog(text: string, query: LogQuery): string {
  const all = text.split('\n').slice(0, -1);
  const since = query.since;
  const wanted = since === undefined ? all : all.filter((line) => Date.parse(instantOf(line)) >= since);
  const tail = query.tailLines === undefined ? wanted : wanted.slice(-query.tailLines || wanted.length);
  const lines = query.timestamps ? tail : tail.map((line) => line.slice(instantOf(line).length + 1));
  return lines.map((line) => `${line}\n`).join('');
}

/** The whole lines behind the first `from` bytes. */
export async function readFrom(file: string, from: number): Promise<Buffer> {
  const handle = await open(file, 'r');
  try {
    const { size } = await handle.stat();
    const buffer = Buffer.alloc(Math.max(0, size - from));
    await handle.read(buffer, 0, buffer.length, from);
    return buffer.subarray(0, buffer.lastIndexOf(10) + 1);
  } finally {
    await handle.close();
  }
}

const instantOf = (line: string): string => line.slice(0, line.indexOf(' '));
