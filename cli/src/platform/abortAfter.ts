import { setMaxListeners } from 'node:events';

/**
 * A signal that aborts after `ms`, and with `signal` before that. In place of AbortSignal.any over AbortSignal.timeout: on Node 20
 * nothing holds such a timeout (nodejs/node#57736), and a request whose timeout was collected waits for ever.
 */
export function abortAfter(ms: number, signal?: AbortSignal): AbortSignal {
  signal?.throwIfAborted();
  const own = new AbortController();
  const stop = (): void => own.abort(signal!.reason);
  // The timer holds all of it until then. It keeps no process alive: what it is for does that.
  setTimeout(() => {
    signal?.removeEventListener('abort', stop);
    own.abort(new DOMException('no answer in time', 'TimeoutError'));
  }, ms).unref();
  if (signal) {
    setMaxListeners(0, signal); // one for each request of the last `ms`: many, and no leak
    signal.addEventListener('abort', stop, { once: true });
  }
  return own.signal;
}
