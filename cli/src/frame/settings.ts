import type { ConnectSettings, Host, Topology } from '@aa-ops/topology';
import type { GlobalOptions } from './command.ts';
import { readDevServer } from './devServer.ts';
import { readNatsContext } from './natsContext.ts';
import { readServerUrls } from './serverUrls.ts';

export interface SettingsSources {
  options: GlobalOptions;
  env: NodeJS.ProcessEnv;
  host: Host;
  topology(): Promise<Topology>;
}

/**
 * How the account is reached. The server: --server, NATS_URL, --context, the local platform's state, the topology. The
 * credentials: --creds and --nkey, the URL's own, the context's. The topology is only read where the server needs it.
 */
export async function readSettings(sources: SettingsSources): Promise<ConnectSettings> {
  const { options, env, host } = sources;
  const context: ConnectSettings =
    options.context === undefined ? { servers: [] } : await readNatsContext(options.context, env);
  const { texts, from } = await chooseServer(sources, context.servers);
  if (from === 'NATS_URL' && options.context !== undefined && context.servers.length > 0)
    host.notify({
      level: 'warn',
      code: 'nats-url-wins',
      message: `NATS_URL decides about the server, not --context ${options.context}: unset it, or pass --server`,
    });
  const { servers, tls: wantsTls, ...inUrl } = readServerUrls(texts, from);
  const { user, password, token, credsFile, nkeyFile, tls, ...rest } = context;
  const given = {
    ...(options.creds && { credsFile: options.creds }),
    ...(options.nkey && { nkeyFile: options.nkey }),
  };
  const known = {
    ...(user !== undefined && { user }),
    ...(password !== undefined && { password }),
    ...(token !== undefined && { token }),
    ...(credsFile !== undefined && { credsFile }),
    ...(nkeyFile !== undefined && { nkeyFile }),
  };
  const credentials = [given, inUrl, known].find((one) => Object.keys(one).length > 0) ?? {};
  const certificates = {
    ...tls,
    ...(options.tlsCa && { caFile: options.tlsCa }),
    ...(options.tlsCert && { certFile: options.tlsCert }),
    ...(options.tlsKey && { keyFile: options.tlsKey }),
  };
  return {
    ...rest,
    ...credentials,
    ...((wantsTls || Object.keys(certificates).length > 0) && { tls: certificates }),
    servers,
    name: 'aa-ops',
    timeoutMs: options.timeoutMs,
  };
}

async function chooseServer(
  { options, env, topology }: SettingsSources,
  ofContext: string[],
): Promise<{ texts: string[]; from: string }> {
  if (options.server !== undefined) return { texts: [options.server], from: '--server' };
  if (env['NATS_URL']) return { texts: [env['NATS_URL']], from: 'NATS_URL' };
  if (ofContext.length > 0) return { texts: ofContext, from: `the context ${options.context}` };
  const { environment } = await topology();
  const ofDev = environment.platform === 'local' ? await readDevServer() : undefined;
  if (ofDev !== undefined) return { texts: [ofDev], from: 'the local platform' };
  return { texts: environment.servers, from: `the environment ${environment.name}` };
}
