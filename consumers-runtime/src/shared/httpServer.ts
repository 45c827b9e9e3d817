import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { ConfigError } from './configError.ts';
import { type Log, messageOf } from './log.ts';

/** What a route answers with: JSON, or text with its own content type. */
export interface Reply {
  status: number;
  json?: unknown;
  text?: string;
  contentType?: string;
  headers?: Record<string, string>;
}

/** One entry of a service's routes table. */
export interface Route {
  method: 'GET' | 'POST';
  path: string;
  handle(request: http.IncomingMessage): Promise<Reply> | Reply;
}

/** A request that failed by its client's doing: answered and counted with its status, told in one line, and no error of ours. */
export class RequestFailed extends Error {
  override readonly name = 'RequestFailed';
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** Told about every request once its reply is out; `route` is `unmatched` for a path that nobody owns. */
export type RequestObserver = (method: string, route: string, status: number, seconds: number) => void;

export interface HttpServer {
  readonly port: number;
  /** Takes no new connection, lets running requests finish. */
  stop(): Promise<void>;
}

export interface HttpServerOptions {
  port: number;
  /** The environment variable that set the port, for the message when it is taken. */
  portVariable: string;
  routes: readonly Route[];
  observe?: RequestObserver;
  log: Log;
}

/** ms for a request that is just arriving when the server stops. */
const ARRIVING_MS = 250;

/** Listens on every interface. Throws ConfigError when the port is taken or forbidden. */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { routes, log } = options;
  let running = 0;
  let isStopping = false;
  const server = http.createServer((request, response) => {
    running += 1;
    response.once('close', () => (running -= 1));
    void answer(request, response);
  });
  server.requestTimeout = 30_000;
  server.keepAliveTimeout = 65_000; // longer than the usual load balancer's minute, so that it is the one to close

  async function answer(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const started = performance.now();
    const path = (request.url ?? '/').split('?', 1)[0]!;
    const known = routes.filter((route) => route.path === path);
    const method = request.method === 'HEAD' ? 'GET' : request.method;
    const route = known.find((one) => one.method === method);
    let reply: Reply;
    try {
      if (route) reply = await route.handle(request);
      else if (known.length === 0) reply = problem(404, 'not-found', `no such path: ${path}`);
      else {
        const allow = known.map((one) => one.method).join(', ');
        reply = { ...problem(405, 'method-not-allowed', `${path} takes ${allow}`), headers: { allow } };
      }
    } catch (error) {
      const failed = error instanceof RequestFailed;
      log[failed ? 'info' : 'error'](`[http] ${request.method} ${path} failed: ${messageOf(error)}`);
      reply = failed
        ? problem(error.status, error.code, error.message)
        : problem(500, 'internal', 'internal error');
    }
    options.observe?.(
      request.method ?? 'GET',
      known.length > 0 ? path : 'unmatched',
      reply.status,
      (performance.now() - started) / 1_000,
    );
    if (isStopping) response.shouldKeepAlive = false; // nobody is to wait for its next request
    send(request, response, reply);
  }

  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(listenError(error, options));
    });
    server.listen(options.port, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    async stop() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      isStopping = true;
      server.closeIdleConnections();
      // To Node a connection on which no request came yet is a busy one, and proxies hold such in reserve.
      const reserve = setInterval(() => {
        if (running === 0) server.closeAllConnections();
      }, ARRIVING_MS);
      await closed;
      clearInterval(reserve);
    },
  };
}

/** The body of every refusal: `{"status":"error","error":{"code","message",…}}`. */
export function problem(
  status: number,
  code: string,
  message: string,
  details: Record<string, unknown> = {},
): Reply {
  return { status, json: { status: 'error', error: { code, message, ...details } } };
}

function send(request: http.IncomingMessage, response: http.ServerResponse, reply: Reply): void {
  const body = reply.json === undefined ? (reply.text ?? '') : JSON.stringify(reply.json);
  const type =
    reply.contentType ?? (reply.json === undefined ? 'text/plain; charset=utf-8' : 'application/json');
  // A body that was not read to its end would be taken for the next request.
  const unread = !request.complete;
  response.writeHead(reply.status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    ...(unread ? { connection: 'close' } : {}),
    ...reply.headers,
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}

function listenError(error: NodeJS.ErrnoException, options: HttpServerOptions): Error {
  const where = `port ${options.port}`;
  if (error.code === 'EADDRINUSE') {
    return new ConfigError(
      `${where} is in use: end what listens there or set ${options.portVariable} to another`,
    );
  }
  if (error.code === 'EACCES')
    return new ConfigError(`${where} may not be opened: set ${options.portVariable} to one above 1023`);
  return error;
}
