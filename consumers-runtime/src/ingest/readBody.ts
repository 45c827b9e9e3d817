import type { IncomingMessage } from 'node:http';
import { RequestFailed } from '../shared/httpServer.ts';

/** ms that a body may take; below the server's own bound, whose answer nobody would count. */
const BODY_MS = 20_000;

/**
 * The body, or undefined when it is larger than the limit (the rest is not read). Rejects with RequestFailed when the client
 * goes away (499, as nginx counts it) or takes too long (408): neither is a failure of ours.
 */
export async function readBody(
  request: IncomingMessage,
  limit: number,
  withinMs = BODY_MS,
): Promise<Buffer | undefined> {
  if (Number(request.headers['content-length'] ?? 0) > limit) return undefined;
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const timer = setTimeout(
      () =>
        end(() => reject(new RequestFailed(408, 'request-timeout', `no whole body within ${withinMs} ms`))),
      withinMs,
    );
    const gone = (): void => end(() => reject(new RequestFailed(499, 'client-gone', 'the client went away')));
    const onData = (chunk: Buffer): void => {
      size += chunk.length;
      if (size > limit) end(() => resolve(undefined));
      else chunks.push(chunk);
    };
    const onEnd = (): void => end(() => resolve(Buffer.concat(chunks, size)));
    function end(settle: () => void): void {
      clearTimeout(timer);
      request.off('data', onData).off('end', onEnd).off('close', gone).pause();
      settle();
    }
    request.on('data', onData).on('end', onEnd).on('close', gone).on('error', gone);
    if (request.destroyed) gone();
  });
}
