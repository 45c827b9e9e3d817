import { setTimeout as pause } from 'node:timers/promises';
import {
  AppsV1Api,
  AuthorizationV1Api,
  CoreV1Api,
  createConfiguration,
  HttpMethod,
  IsomorphicFetchHttpLibrary,
  RequestContext,
  type ResponseContext,
  ServerConfiguration,
  wrapHttpLibrary,
} from '@kubernetes/client-node';
import { OpsError } from '@aa-ops/topology';
import { abortAfter } from '../abortAfter.ts';
import type { Connection } from './connection.ts';
import { type Asked, explainApiError, isAway, statusOf } from './explainApiError.ts';

export interface KubeApiOptions {
  signal?: AbortSignal | undefined;
  /** ms for which a request is repeated while nobody answers; default 30 s. */
  patienceMs?: number | undefined;
  /** ms that one answer may take; default 10 s. */
  answerMs?: number | undefined;
}

/** The typed clients, and what makes their answers reliable. */
export interface KubeApi {
  readonly connection: Connection;
  readonly core: CoreV1Api;
  readonly apps: AppsV1Api;
  readonly authorization: AuthorizationV1Api;
  /**
   * Makes one request, again while nobody answers, and explains what it failed of (explainApiError). Only for what may be
   * sent twice. Throws the signal's reason when that is aborted.
   */
  ask<T>(asked: Asked, request: () => Promise<T>): Promise<T>;
  /** Sends a request through the API server to a pod or a Service; its answer, whatever its status. */
  proxy(
    asked: Asked,
    request: { path: string; method?: 'GET' | 'POST'; headers?: Record<string, string>; body?: string },
  ): Promise<{ status: number; body: string }>;
}

export const PATIENCE_MS = 30_000;
const ANSWER_MS = 10_000;
const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 2_000;
/** An API server that has just started knows no roles yet, and refuses everybody. */
const BLIND_MS = 10_000;
/** Where it was not seen to be away, a refusal is asked for once more after that. */
const CONFIRM_MS = 700;

/** Opens nothing yet: each request makes a connection of its own. */
export function openKubeApi(connection: Connection, options: KubeApiOptions = {}): KubeApi {
  const { signal, patienceMs = PATIENCE_MS, answerMs = ANSWER_MS } = options;
  const { config, server } = connection;
  const http = new IsomorphicFetchHttpLibrary();
  const send = async (context: RequestContext): Promise<ResponseContext> => {
    context.setSignal(abortAfter(answerMs, signal));
    return http.send(context).toPromise();
  };
  const configuration = createConfiguration({
    baseServer: new ServerConfiguration(server, {}),
    httpApi: wrapHttpLibrary({ send }),
    authMethods: { default: config },
  });
  let awayAt = -Infinity;

  async function ask<T>(asked: Asked, request: () => Promise<T>): Promise<T> {
    const begun = performance.now();
    let confirmed = false;
    for (let wait = FIRST_WAIT_MS; ; wait = Math.min(wait * 2, LONGEST_WAIT_MS)) {
      try {
        return await request();
      } catch (error) {
        signal?.throwIfAborted();
        if (error instanceof OpsError) throw error;
        const now = performance.now();
        const away = isAway(error);
        if (away) awayAt = now;
        const refused = statusOf(error) === 401 || statusOf(error) === 403;
        const doubtful = refused && (now - awayAt < BLIND_MS || !confirmed);
        if (refused && now - awayAt >= BLIND_MS) confirmed = true;
        if (!(away || doubtful) || now - begun > patienceMs)
          throw explainApiError(error, asked, connection, now - begun);
        await pause(refused ? CONFIRM_MS : wait, undefined, signal ? { signal } : {}).catch(() =>
          signal?.throwIfAborted(),
        );
      }
    }
  }

  async function proxy(
    asked: Asked,
    request: { path: string; method?: 'GET' | 'POST'; headers?: Record<string, string>; body?: string },
  ): Promise<{ status: number; body: string }> {
    return ask(asked, async () => {
      const [kind] = asked.resource.split('/') as [string];
      const path = `/api/v1/namespaces/${connection.namespace}/${kind}/${asked.name}/proxy/${request.path.replace(/^\//, '')}`;
      const context = new RequestContext(
        new URL(path, server).href,
        request.method === 'POST' ? HttpMethod.POST : HttpMethod.GET,
      );
      for (const [name, value] of Object.entries(request.headers ?? {})) context.setHeaderParam(name, value);
      if (request.body !== undefined) context.setBody(request.body);
      await config.applySecurityAuthentication(context);
      const answer = await send(context);
      const body = await answer.body.text();
      refuseOwnAnswer(answer.httpStatusCode, body, asked);
      return { status: answer.httpStatusCode, body };
    });
  }

  return {
    connection,
    core: new CoreV1Api(configuration),
    apps: new AppsV1Api(configuration),
    authorization: new AuthorizationV1Api(configuration),
    ask,
    proxy,
  };
}

/** An answer of the API server itself, not of the pod behind it. That a pod cannot be reached is no reason to ask again. */
function refuseOwnAnswer(status: number, body: string, asked: Asked): void {
  if (status < 400 || !body.includes('"kind":"Status"')) return;
  if (status === 401 || status === 403 || status === 429)
    throw Object.assign(new Error(body), { code: status, body });
  const { message } = JSON.parse(body) as { message?: string };
  throw new OpsError('pod-unreachable', `${asked.name} cannot be reached: ${message ?? status}`, {
    hint: 'aa-ops status shows the pods',
  });
}
