import { headers as newHeaders, type MsgHdrs } from 'nats';

/**
 * The headers of a message as it came (`NATS/1.0`, then a line each), those of them that can be read. The server takes any bytes
 * there, while the client's own reading throws at the first name it does not like, in the middle of its parser: whoever
 * published one such message would have deafened the connection.
 */
export function readHeaders(block: Uint8Array): MsgHdrs | undefined {
  if (block.length === 0) return undefined;
  const headers = newHeaders();
  for (const line of utf8.decode(block).split('\r\n').slice(1)) {
    const colon = line.indexOf(':');
    if (colon <= 0) continue;
    try {
      headers.append(line.slice(0, colon), line.slice(colon + 1).trim());
    } catch {
      // no name or no value that could be published again
    }
  }
  return headers;
}

const utf8 = new TextDecoder();
