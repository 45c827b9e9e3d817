import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { createInterface } from 'node:readline';

/** A Kubernetes object as JSON: the tests and the kubelet read many kinds, and name what they use of each. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type Json = any;

/** Who speaks to which API server. */
export interface Access {
  /** `https://10.244.0.1:port`: the name that its certificate has, on the node and in pods */
  url: string;
  ca: string;
  token: string;
}

/** An answer above 299. `status` is the HTTP status, the message the API server's own. */
export class ApiError extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export interface ApiClient {
  get(path: string): Promise<Json>;
  post(path: string, body: Json): Promise<Json>;
  put(path: string, body: Json): Promise<Json>;
  /** A merge patch, unless `type` says otherwise. */
  patch(path: string, body: Json, type?: 'merge' | 'strategic-merge' | 'apply'): Promise<Json>;
  delete(path: string, body?: Json): Promise<Json>;
  /** Lists, then watches, for ever: `onEvent` gets every object as it is and each change. Comes back by itself when the API server was away. */
  watch(
    path: string,
    onEvent: (type: 'ADDED' | 'MODIFIED' | 'DELETED', object: Json) => void,
  ): { stop(): void };
  close(): void;
}

const PATCHES = {
  merge: 'application/merge-patch+json',
  'strategic-merge': 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
};

/** A small client of the API server for the harness itself, so that what is tested does not test itself. */
export function openApi(access: Access): ApiClient {
  const agent = new Agent({ ca: access.ca, keepAlive: true, maxSockets: 64 });
  const call = (method: string, path: string, body?: Json, type = 'application/json'): Promise<Json> =>
    send(access, agent, method, path, body, type).then(readAnswer);
  return {
    get: (path) => call('GET', path),
    post: (path, body) => call('POST', path, body),
    put: (path, body) => call('PUT', path, body),
    patch: (path, body, type = 'merge') => call('PATCH', path, body, PATCHES[type]),
    delete: (path, body) => call('DELETE', path, body),
    watch: (path, onEvent) => watch(access, agent, path, onEvent),
    close: () => agent.destroy(),
  };
}

function send(
  access: Access,
  agent: Agent,
  method: string,
  path: string,
  body?: Json,
  type = 'application/json',
  signal?: AbortSignal,
): Promise<IncomingMessage> {
  return new Promise((answered, failed) => {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const headers = {
      authorization: `Bearer ${access.token}`,
      accept: 'application/json',
      'content-type': type,
      // Node sends none of itself with a DELETE, and the server then reads the body as the next request.
      ...(text === undefined ? {} : { 'content-length': Buffer.byteLength(text) }),
    };
    const sent = request(new URL(path, access.url), {
      method,
      agent,
      headers,
      ...(signal ? { signal } : {}),
    });
    sent.once('response', answered).once('error', failed);
    sent.end(text);
  });
}

async function readAnswer(answer: IncomingMessage): Promise<Json> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString();
  const isJson = answer.headers['content-type']?.includes('json') ?? false;
  const parsed = isJson && text ? (JSON.parse(text) as Json) : text;
  if (answer.statusCode! > 299) throw new ApiError(answer.statusCode!, parsed?.message ?? text);
  return parsed;
}

function watch(
  access: Access,
  agent: Agent,
  path: string,
  onEvent: (type: 'ADDED' | 'MODIFIED' | 'DELETED', object: Json) => void,
): { stop(): void } {
  const stop = new AbortController();
  const known = new Map<string, Json>();
  const tell = (type: 'ADDED' | 'MODIFIED' | 'DELETED', object: Json) => {
    if (type === 'DELETED') known.delete(object.metadata.uid);
    else known.set(object.metadata.uid, object);
    onEvent(type, object);
  };
  const once = async (): Promise<void> => {
    const list = await readAnswer(await send(access, agent, 'GET', path, undefined, undefined, stop.signal));
    const listed = new Set<string>(list.items.map((it: Json) => it.metadata.uid));
    for (const object of [...known.values()]) if (!listed.has(object.metadata.uid)) tell('DELETED', object);
    for (const object of list.items) tell(known.has(object.metadata.uid) ? 'MODIFIED' : 'ADDED', object);
    const query = `watch=true&resourceVersion=${list.metadata.resourceVersion}&timeoutSeconds=600`;
    const watched = `${path}${path.includes('?') ? '&' : '?'}${query}`;
    const answer = await send(access, agent, 'GET', watched, undefined, undefined, stop.signal);
    if (answer.statusCode !== 200) throw new ApiError(answer.statusCode!, 'cannot watch');
    for await (const line of createInterface({ input: answer })) {
      const { type, object } = JSON.parse(line) as { type: string; object: Json };
      if (type === 'ERROR') return; // too old a resourceVersion: list anew
      if (type === 'ADDED' || type === 'MODIFIED' || type === 'DELETED') tell(type, object);
    }
  };
  void (async () => {
    while (!stop.signal.aborted) {
      await once().catch(() => {});
      if (!stop.signal.aborted) await new Promise((again) => setTimeout(again, 100));
    }
  })();
  return { stop: () => stop.abort() };
}
