import { show } from '../schema/explainIssue.ts';
import type { Rule } from './rule.ts';

const SERVER_URL =
  /^(?:(?:nats|tls):\/\/)?(?:[^\s/@]+@)?(?:\[[0-9a-f:.]+\]|[^\s/:@[\]]+)(?::(\d{1,5}))?\/?$/i;

/** NATS over a WebSocket is for browsers: the client that we use does not speak it. */
const WEB_SOCKET = /^wss?:/i;

/** What every command accepts: an optional scheme, a host, an optional port. */
export const badServerUrl: Rule = {
  code: 'bad-server-url',
  severity: 'error',
  why: 'a server is `nats://host:port` or `tls://host:port`, or a bare `host:port`; there is no connecting to a WebSocket (ws, wss)',
  *check({ file }) {
    for (const [name, { servers }] of Object.entries(file.environments)) {
      if (servers.length === 0)
        yield {
          path: ['environments', name, 'servers'],
          message: `environment ${name} has no server`,
          fix: 'write servers: [nats://host:4222]',
        };
      for (const [at, url] of servers.entries()) {
        const port = SERVER_URL.exec(url)?.[1];
        if (!SERVER_URL.test(url) || Number(port ?? 4222) > 65_535)
          yield {
            path: ['environments', name, 'servers', at],
            message: `${show(withoutCredentials(url))} is no NATS URL`,
            fix: WEB_SOCKET.test(url)
              ? 'write nats://host:port or tls://host:port, the port that is no WebSocket'
              : 'write nats://host:port',
          };
      }
    }
  },
};

/** Whatever stands before the last @: a password may hold an @ or a slash itself. */
const withoutCredentials = (url: string): string => url.replace(/^(\w+:\/\/)?.*@/s, '$1…@');

/** Files are checked in; what opens a door must not be. The message never repeats it. */
export const secretInFile: Rule = {
  code: 'secret-in-file',
  severity: 'error',
  why: 'topology files are checked in, so credentials and database URLs come from the environment; those in a server of a file that is never checked in are a warning',
  *check({ file }) {
    for (const [name, { servers, databaseUrlFrom }] of Object.entries(file.environments)) {
      for (const [at, url] of servers.entries())
        if (url.includes('@'))
          yield {
            path: ['environments', name, 'servers', at],
            severity: 'warning',
            message: `a server of environment ${name} carries credentials`,
            fix: 'take them out and use --creds, --nkey or --context',
          };
      if (databaseUrlFrom !== undefined && !/^[A-Za-z_][A-Za-z0-9_]*$/.test(databaseUrlFrom))
        yield {
          path: ['environments', name, 'databaseUrlFrom'],
          message: `databaseUrlFrom of environment ${name} is no name of an environment variable`,
          fix: 'write the name of the variable that holds the URL, such as DATABASE_URL',
        };
    }
  },
};

/** kubectl's own defaults are whatever somebody did last. */
export const kubernetesTarget: Rule = {
  code: 'kubernetes-target',
  severity: 'error',
  why: 'pods are restarted in the namespace and context that the file names, not in those that kubectl was last set to',
  *check({ file }) {
    for (const [name, { platform, namespace, kubeContext }] of Object.entries(file.environments)) {
      if (platform !== 'kubernetes') continue;
      const path = ['environments', name];
      if (namespace === undefined)
        yield { path, at: 'key', message: `environment ${name} has no namespace`, fix: 'add namespace: …' };
      if (kubeContext === undefined)
        yield {
          path,
          at: 'key',
          severity: 'warning',
          message: `environment ${name} has no kubeContext`,
          fix: 'add kubeContext: …, unless aa-ops runs inside the cluster',
        };
    }
  },
};
