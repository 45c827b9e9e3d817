import { ConfigError } from './configError.ts';

/** What NATS_URL says. */
export interface NatsServers {
  /** `nats://host:port` each, without credentials. */
  servers: string[];
  /** The same for log lines: hosts and ports only. */
  hosts: string;
  /** The first server's. A user without a password is a token. */
  credentials: { user: string; pass: string } | { token: string } | undefined;
}

const SERVER = /^(?:(nats|tls):\/\/)?(?:(.*)@)?(\[[\da-f:.]+\]|[\w.-]+)(?::(\d+))?\/?$/is;

/**
 * `[nats://][user:password@]host[:port]`, several with commas. By hand: a URL parser would want special characters of a
 * password escaped, and a server need not be written as a URL. Throws ConfigError, which shows nothing of the value: it may be a credential in any place.
 */
export function parseNatsUrl(url: string): NatsServers {
  const refuse = (why: string): never => {
    throw new ConfigError(`NATS_URL ${why}`);
  };
  const parsed = url.split(',').map((server) => {
    const [, scheme = 'nats', userInfo, host, port] = SERVER.exec(server.trim()) ?? [];
    if (host === undefined || (port !== undefined && !(Number(port) >= 1 && Number(port) <= 65_535)))
      return refuse(
        'is not nats://[user:password@]host:port with a port between 1 and 65535, several with commas' +
          ' (a comma in a password is written %2C)',
      );
    return { address: port === undefined ? host : `${host}:${port}`, scheme, userInfo };
  });
  const decode = (text: string): string => {
    try {
      return decodeURIComponent(text);
    } catch {
      return refuse('has a % in its credentials that begins no escape such as %40: write it %25');
    }
  };
  const [, user = '', pass = ''] = /^([^:]*):?(.*)$/s.exec(parsed[0]!.userInfo ?? '')!.map(decode);
  return {
    servers: parsed.map(({ scheme, address }) => `${scheme}://${address}`),
    hosts: parsed.map(({ address }) => address).join(','),
    credentials: user && pass ? { user, pass } : user ? { token: user } : undefined,
  };
}
