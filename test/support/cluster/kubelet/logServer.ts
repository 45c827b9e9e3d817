import { createServer, type Server } from 'node:https';
import type { ServerResponse } from 'node:http';
import { stat } from 'node:fs/promises';
import { type LogQuery, readFrom, readLog } from './containerLog.ts';

/** Finds a container's log file; undefined: there is none, a string with a blank: why not. */
export type FindLog = (
  namespace: string,
  pod: string,
  container: string,
  previous: boolean,
) => string | undefined;

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
    const file = find(namespace!, pod!, container!, url.searchParams.get('previous') === 'true');
    if (!file) return answer(response, 400, `no log of container "${container}" in pod "${pod}"`);
    void serve(file, url.searchParams, response).catch((error: unknown) => response.destroy(error as Error));
  });
  return new Promise((listening, failed) => {
    server.once('error', failed);
    server.listen(port, '127.0.0.1', () => listening(server));
  });
}

const answer = (response: ServerResponse, status: number, text: string): void => {
  response.writeHead(status, { 'content-type': 'text/plain' }).end(text);
};

async function serve(file: string, params: URLSearchParams, response: ServerResponse): Promise<void> {
  const follow = params.get('follow') === 'true';
  let { size } = await stat(file).catch(() => ({ size: 0 }));
  response.writeHead(200, { 'content-type': 'text/plain' });
  response.write(await readLog(file, queryOf(params)));
  while (follow && !response.closed) {
    const more = await readFrom(file, size);
    size += more.length;
    const whole = more.toString();
    const lines = params.get('timestamps') === 'true' ? whole : whole.replaceAll(/^\S+ /gm, '');
    if (lines) response.write(lines);
    await new Promise((again) => setTimeout(again, 100));
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
