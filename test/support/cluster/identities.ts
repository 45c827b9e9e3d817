import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Who may speak to the cluster, by static token. `admin` may everything; the others nothing, until a test gives them a role:
 * two operators, CI, and somebody who gets none.
 */
export const IDENTITIES = ['admin', 'aa-ops', 'aa-ops-2', 'ci', 'nobody'] as const;
export type Identity = (typeof IDENTITIES)[number];

/** Tokens made anew for each cluster, in the API server's own CSV: token,user,uid,groups. */
export async function makeTokens(dir: string): Promise<{ file: string; tokens: Record<Identity, string> }> {
  const tokens = Object.fromEntries(IDENTITIES.map((it) => [it, randomBytes(24).toString('hex')]));
  const lines = IDENTITIES.map((it) => `${tokens[it]},${it},${it}${it === 'admin' ? ',system:masters' : ''}`);
  const file = join(dir, 'tokens.csv');
  await writeFile(file, `${lines.join('\n')}\n`, { mode: 0o600 });
  return { file, tokens: tokens as Record<Identity, string> };
}

/** A kubeconfig file of one identity; its context is named `context`, its namespace is that of the context. */
export async function writeKubeconfig(
  file: string,
  access: { url: string; ca: string; token: string },
  context: string,
  namespace: string,
): Promise<string> {
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': context,
    clusters: [
      {
        name: context,
        cluster: {
          server: access.url,
          'certificate-authority-data': Buffer.from(access.ca).toString('base64'),
        },
      },
    ],
    users: [{ name: context, user: { token: access.token } }],
    contexts: [{ name: context, context: { cluster: context, user: context, namespace } }],
  };
  await writeFile(file, JSON.stringify(config, null, 2), { mode: 0o600 }); // YAML is a superset of JSON
  return file;
}
