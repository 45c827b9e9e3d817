import { connect, type Socket } from 'node:net';

/** What a server says of itself before anyone logs in. */
export interface NatsInfo {
  version: string;
  auth_required?: boolean;
  tls_required?: boolean;
}

/**
 * The server's INFO line, and, where it lets anyone in, the answer to one request. A hand-written client of the text protocol, because
 * it has to work while a server starts, and at once. Rejects when nobody listens or nothing came within `timeoutMs`.
 */
export function probeNats(
  port: number,
  request: { subject: string; payload?: string } | undefined,
  timeoutMs: number,
): Promise<{ info: NatsInfo; reply?: unknown }> {
  return new Promise((answered, failed) => {
    const socket: Socket = connect(port, '127.0.0.1');
    const timer = setTimeout(
      () => socket.destroy(new Error(`no answer from port ${port} within ${timeoutMs} ms`)),
      timeoutMs,
    );
    let text = '';
    let info: NatsInfo | undefined;
    const done = (reply?: unknown) => {
      answered({ info: info!, ...(reply === undefined ? {} : { reply }) });
      socket.destroy();
    };
    socket.setEncoding('utf8');
    socket.on('error', failed);
    socket.on('close', () => {
      clearTimeout(timer);
      failed(new Error(`port ${port} closed the connection`));
    });
    socket.on('data', (chunk: string) => {
      text += chunk;
      if (!info) {
        const line = /^INFO (\{.*\})\s*\r\n/.exec(text);
        if (!line) return;
        info = JSON.parse(line[1]!) as NatsInfo;
        text = text.slice(line[0].length);
        if (!request || info.auth_required || info.tls_required) return done();
        const payload = request.payload ?? '';
        socket.write(
          'CONNECT {"verbose":false,"headers":true,"no_responders":true,"name":"aa-ops-probe"}\r\n',
        );
        socket.write(
          `SUB _INBOX.aa-ops.${port} 1\r\nPUB ${request.subject} _INBOX.aa-ops.${port} ${Buffer.byteLength(payload)}\r\n${payload}\r\n`,
        );
      }
      const message = /(H?MSG) \S+ 1 [\d ]*?(\d+)\r\n/.exec(text);
      if (message?.[1] === 'HMSG') return socket.destroy(new Error('no responders')); // JetStream is not up yet
      if (message) {
        const body = text.slice(message.index + message[0].length);
        if (body.length >= Number(message[2])) done(JSON.parse(body.slice(0, Number(message[2]))));
      }
    });
  });
}

/** The same, for JetStream's API: rejects on an `error` in the answer. */
export async function askJetStream(
  port: number,
  api: string,
  payload: unknown,
  timeoutMs: number,
): Promise<NatsInfo> {
  const text = payload === undefined ? '' : JSON.stringify(payload);
  const { info, reply } = await probeNats(port, { subject: `$JS.API.${api}`, payload: text }, timeoutMs);
  const error = (reply as { error?: { description?: string } } | undefined)?.error;
  if (error) throw new Error(`JetStream answered: ${error.description}`);
  return info;
}
