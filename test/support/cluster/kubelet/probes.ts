import { get } from 'node:http';
import { connect } from 'node:net';
import type { Json } from '../api.ts';

/** One probe of a running container, until `stop`: it tells each change of its mind. */
export interface ProbeWatch {
  stop(): void;
}

/**
 * Runs a probe as the API's documentation has it: initialDelaySeconds, periodSeconds, timeoutSeconds, success- and
 * failureThreshold. `onResult` hears a result once its threshold is reached, and again only when it changes.
 */
export function watchProbe(
  probe: Json,
  ip: string,
  ports: Json[],
  onResult: (ok: boolean, message: string) => void,
): ProbeWatch {
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  let last: boolean | undefined;
  let inARow = 0;
  let said: boolean | undefined;
  const turn = async (): Promise<void> => {
    const { ok, message } = await attempt(probe, ip, ports);
    if (stopped) return;
    inARow = ok === last ? inARow + 1 : 1;
    last = ok;
    const needed = ok ? (probe.successThreshold ?? 1) : (probe.failureThreshold ?? 3);
    if (inARow >= needed && ok !== said) {
      said = ok;
      onResult(ok, message);
    }
    if (!stopped) timer = setTimeout(() => void turn(), (probe.periodSeconds ?? 10) * 1000);
  };
  timer = setTimeout(() => void turn(), (probe.initialDelaySeconds ?? 0) * 1000);
  return {
    stop: () => {
      stopped = true;
      clearTimeout(timer);
    },
  };
}

interface Attempt {
  ok: boolean;
  message: string;
}

function attempt(probe: Json, ip: string, ports: Json[]): Promise<Attempt> {
  const timeout = (probe.timeoutSeconds ?? 1) * 1000;
  const portOf = (port: string | number): number =>
    typeof port === 'number' ? port : ports.find((it) => it.name === port)?.containerPort;
  if (probe.httpGet)
    return http(`http://${ip}:${portOf(probe.httpGet.port)}${probe.httpGet.path ?? '/'}`, timeout);
  if (probe.tcpSocket) return tcp(ip, portOf(probe.tcpSocket.port), timeout);
  return Promise.resolve({ ok: false, message: 'this kubelet runs no exec and no gRPC probes' });
}

function http(url: string, timeout: number): Promise<Attempt> {
  return new Promise((done) => {
    const asked = get(url, { timeout, agent: false }, (answer) => {
      answer.resume();
      const status = answer.statusCode ?? 0;
      done({ ok: status >= 200 && status < 400, message: `HTTP probe failed with statuscode: ${status}` });
    });
    asked.on('timeout', () => asked.destroy(new Error('context deadline exceeded')));
    asked.on('error', (error) => done({ ok: false, message: `Get "${url}": ${error.message}` }));
  });
}

function tcp(host: string, port: number, timeout: number): Promise<Attempt> {
  return new Promise((done) => {
    const socket = connect({ host, port, timeout });
    const end = (ok: boolean, message: string) => {
      socket.destroy();
      done({ ok, message });
    };
    socket.once('connect', () => end(true, ''));
    socket.once('timeout', () => end(false, 'i/o timeout'));
    socket.once('error', (error) => end(false, error.message));
  });
}
