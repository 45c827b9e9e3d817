import { randomBytes, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { messageOf } from '@aa-ops/topology';
import type { RolloutResult } from '../platform.ts';
import type { PodState } from './state.ts';

/** What a supervisor does for other processes. */
export interface ControlHandlers {
  pods(): PodState[];
  writeConfig(data: Record<string, string>): void;
  /** Goes on when whoever asked for it has gone. */
  restart(
    workload: string,
    id: string,
    timeoutMs: number,
    progress: (line: string) => void,
  ): Promise<RolloutResult>;
  /** Answered at once; the process ends later. */
  stop(): void;
}

export interface ControlServer {
  url: string;
  token: string;
  close(): Promise<void>;
}

/** One line of the answer to `restart`. */
export type RestartLine =
  { progress: string } | { result: RolloutResult } | { error: string } | { alive: true };

const ALIVE_EVERY_MS = 5_000;
const MAX_BODY = 1 << 20;

/** Opens the supervisor's door for `aa-ops` processes: HTTP on loopback, with a token that only the owner of the state folder can read. */
export async function openControl(handlers: ControlHandlers): Promise<ControlServer> {
  const token = randomBytes(24).toString('base64url');
  const server = createServer((request, response) => {
    answer(request, response, token, handlers).catch((error: unknown) => {
      if (!response.headersSent) response.writeHead(500);
      response.end(JSON.stringify({ error: messageOf(error) }));
    });
  });
  await new Promise<void>((listening, failed) => {
    server.once('error', failed).listen(0, '127.0.0.1', listening);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as { port: number }).port}`,
    token,
    async close() {
      const closed = new Promise((done) => server.close(done));
      server.closeAllConnections();
      await closed;
    },
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  token: string,
  handlers: ControlHandlers,
): Promise<void> {
  const body = await readJson(request);
  if (!isAllowed(request, token)) {
    response.writeHead(401).end(JSON.stringify({ error: 'wrong token' }));
    return;
  }
  switch (`${request.method} ${request.url}`) {
    case 'GET /pods':
      response.end(JSON.stringify(handlers.pods()));
      return;
    case 'POST /config':
      handlers.writeConfig(body as Record<string, string>);
      response.end('{}');
      return;
    case 'POST /restart':
      return streamRestart(response, body as RestartRequest, handlers);
    case 'POST /stop':
      response.writeHead(202, { connection: 'close' }).end('{}', () => handlers.stop());
      return;
    default:
      response.writeHead(404).end(JSON.stringify({ error: `no ${request.method} ${request.url} here` }));
  }
}

interface RestartRequest {
  workload: string;
  id: string;
  timeoutMs: number;
}

async function streamRestart(
  response: ServerResponse,
  { workload, id, timeoutMs }: RestartRequest,
  handlers: ControlHandlers,
): Promise<void> {
  const say = (line: RestartLine): void => void response.write(`${JSON.stringify(line)}\n`);
  response.on('error', () => {}); // whoever asked has gone; the restart goes on
  response.writeHead(200, { 'content-type': 'application/x-ndjson' });
  const alive = setInterval(() => say({ alive: true }), ALIVE_EVERY_MS);
  try {
    say({ result: await handlers.restart(workload, id, timeoutMs, (progress) => say({ progress })) });
  } catch (error) {
    say({ error: messageOf(error) });
  } finally {
    clearInterval(alive);
    response.end();
  }
}

function isAllowed(request: IncomingMessage, token: string): boolean {
  const given = Buffer.from(request.headers.authorization ?? '');
  const wanted = Buffer.from(`Bearer ${token}`);
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  let text = '';
  for await (const chunk of request) {
    text += String(chunk);
    if (text.length > MAX_BODY) throw new Error('request too large');
  }
  return text ? (JSON.parse(text) as unknown) : undefined;
}
