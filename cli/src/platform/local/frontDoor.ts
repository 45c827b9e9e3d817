import {
  Agent,
  createServer,
  type IncomingMessage,
  request,
  type Server,
  type ServerResponse,
} from 'node:http';
import { messageOf } from '@aa-ops/topology';

/** A pod as the front door sees it. */
export interface Backend {
  readonly name: string;
  /** Base URL, while it is ready; undefined: give it no requests. */
  address(): string | undefined;
}

export interface FrontDoor {
  readonly url: string;
  readonly port: number;
  /** Gives the backend no more requests and waits until those it has are answered. */
  drain(name: string, boundMs: number): Promise<void>;
  close(): Promise<void>;
}

/** Kept below the 5 s after which Node's own servers close an idle connection, so that no request meets a closing one. */
const IDLE_MS = 2_000;
const MAX_BODY = 1 << 20;

/**
 * What a Kubernetes Service is to clients: one address before all ready pods, round robin. It works request by request, so that a pod can
 * leave without a request being cut. A request is tried elsewhere only when its pod refused the connection; 503 when no pod is ready.
 */
export async function openFrontDoor(port: number, backends: () => Backend[]): Promise<FrontDoor> {
  const agent = new Agent({ keepAlive: true, timeout: IDLE_MS });
  const drained = new Set<string>();
  const inFlight = new Map<string, number>();
  const idle = new Map<string, () => void>();
  let turn = 0;

  const count = (name: string, by: 1 | -1): void => {
    const now = (inFlight.get(name) ?? 0) + by;
    inFlight.set(name, now);
    if (now === 0) idle.get(name)?.();
  };

  async function serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const body = await readBody(incoming);
    if (!body) return reply(outgoing, 413, 'too-large');
    const ready = backends().filter((backend) => !drained.has(backend.name) && backend.address());
    for (let attempt = 0; attempt < ready.length; attempt++) {
      const backend = ready[(turn++ >>> 0) % ready.length]!;
      count(backend.name, 1);
      try {
        await pass(incoming, body, outgoing, backend.address()!, agent);
        return;
      } catch (error) {
        if ((error as { code?: string }).code !== 'ECONNREFUSED') {
          return reply(outgoing, 502, `${backend.name}: ${messageOf(error)}`);
        }
      } finally {
        count(backend.name, -1);
      }
    }
    reply(outgoing, 503, 'no pod is ready');
  }

  const server: Server = createServer((incoming, outgoing) => {
    serve(incoming, outgoing).catch((error: unknown) => reply(outgoing, 502, messageOf(error)));
  });
  await new Promise<void>((listening, failed) => {
    server.once('error', failed).listen(port, '127.0.0.1', listening);
  });
  const taken = (server.address() as { port: number }).port;
  return {
    url: `http://127.0.0.1:${taken}`,
    port: taken,
    async drain(name, boundMs) {
      drained.add(name);
      if (!inFlight.get(name)) return;
      await new Promise<void>((done) => {
        const timer = setTimeout(done, boundMs);
        idle.set(name, () => {
          clearTimeout(timer);
          done();
        });
      });
      idle.delete(name);
    },
    async close() {
      const closed = new Promise((done) => server.close(done));
      server.closeIdleConnections();
      const timer = setTimeout(() => server.closeAllConnections(), IDLE_MS);
      await closed;
      clearTimeout(timer);
      agent.destroy();
    },
  };
}

function pass(
  incoming: IncomingMessage,
  body: Buffer,
  outgoing: ServerResponse,
  base: string,
  agent: Agent,
): Promise<void> {
  return new Promise((passed, failed) => {
    const {
      host: _host,
      connection: _connection,
      'transfer-encoding': _encoding,
      ...headers
    } = incoming.headers;
    const options = {
      method: incoming.method,
      agent,
      headers: { ...headers, 'content-length': body.length },
    };
    const onward = request(new URL(incoming.url ?? '/', base), options, (response) => {
      const { connection: _c, 'keep-alive': _k, ...answer } = response.headers;
      outgoing.writeHead(response.statusCode ?? 502, answer);
      response.pipe(outgoing);
      response.once('end', passed);
      response.once('error', failed);
    });
    onward.once('error', failed);
    outgoing.once('close', () => {
      onward.destroy(); // the client has gone: nobody waits for the rest
      passed();
    });
    onward.end(body);
  });
}

async function readBody(incoming: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size <= MAX_BODY) chunks.push(chunk);
  }
  return size <= MAX_BODY ? Buffer.concat(chunks) : undefined;
}

function reply(outgoing: ServerResponse, status: number, message: string): void {
  if (outgoing.headersSent) return void outgoing.destroy();
  outgoing.writeHead(status, { 'content-type': 'application/json' });
  outgoing.end(JSON.stringify({ status: 'error', error: message }));
}
