import { createServer, type Server } from 'node:https';
import type { ServerResponse } from 'node:http';
import { type ContainerLog, type LogQuery, readFrom, showLog } from './containerLog.ts';

/** Finds a container's log; undefined: there is none. */
export type FindLog = (
  namespace: string,
  pod: string,
  container: string,
  previous: boolean,
) => ContainerLog | undefined;

/** The kubelet's own port: `/containerLogs/NAMESPACE/POD/CONTAINER`, which `kubectl logs` reaches by way of the API server. */
export function startLogServer(
  certificate: { cert: string; key: string },
  port: number,
  find: FindLog,
): Promise<Server> {
  const server = createServer(certificate, (request, response) => {
    const url = new URL(request.url ?? '/', 'https://kubelet');
    const [, what, namespace, pod, container] = url.pathname.split('/');
    if (what !== 'containerLogs') return answer(response, 404, 'this kubelet serves logs only');
    const log = find(namespace!, pod!, container!, url.searchParams.get('previous') === 'true');
    if (!log) return answer(response, 400, `no log of container "${container}" in pod "${pod}"`);
    void serve(log, url.searchParams, response).catch((error: unknown) => response.destroy(error as Error));
  });
  return new Promise((listening, failed) => {
    server.once('error', failed);
    server.listen(port, '127.0.0.1', () => listening(server));
  });
}

const answer = (response: ServerResponse, status: number, text: string): void => {
  response.writeHead(status, { 'content-type': 'text/plain' }).end(text);
};

async function serve(log: ContainerLog, params: URLSearchParams, response: ServerResponse): Promise<void> {
  const query = queryOf(params);
  const follow = params.get('follow') === 'true';
  const sofar = await readFrom(log.file, 0).catch(() => Buffer.alloc(0));
  response.writeHead(200, { 'content-type': 'text/plain' });
  response.write(showLog(sofar.toString(), query));
  for (let size = sofar.length, grows = follow; grows && !response.closed;) {
    await new Promise((again) => setTimeout(again, 100));
    grows = log.grows(); // asked before the last look, so that nothing is missed
    const more = await readFrom(log.file, size);
    size += more.length;
    response.write(showLog(more.toString(), { timestamps: query.timestamps }));
  }
  response.end();
}

function queryOf(params: URLSearchParams): LogQuery {
  const tail = params.get('tailLines');
  const seconds = params.get('sinceSeconds');
  const instant = params.get('sinceTime');
  const since = instant ? Date.parse(instant) : seconds ? Date.now() - Number(seconds) * 1000 : undefined;
  return {
    ...(tail ? { tailLines: Number(tail) } : {}),
    ...(since === undefined ? {} : { since }),
    timestamps: params.get('timestamps') === 'true',
  };
}
