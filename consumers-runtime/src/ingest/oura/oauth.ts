import type { Route } from '../../shared/httpServer.ts';
import type { Log } from '../../shared/log.ts';
import type { OuraOauthConfig } from './oauthConfig.ts';
import { oauthRoutes } from './oauthRoutes.ts';
import { createOuraClient } from './ouraClient.ts';
import { createSeal } from './seal.ts';
import { createTokenStore } from './tokenStore.ts';

/** The flow with everything that it needs; loaded where it is open, since it brings PostgreSQL's client. */
export function createOuraOauth(
  config: OuraOauthConfig,
  {
    bodyLimit,
    migrations,
    log,
    signal,
  }: { bodyLimit: number; migrations: URL; log: Log; signal: AbortSignal },
): { routes: Route[]; close(): Promise<void> } {
  const seal = createSeal(config.tokenKeys);
  const store = createTokenStore({ databaseUrl: config.databaseUrl, migrations, seal, log, signal });
  const client = createOuraClient(config);
  const { bearer, returnUrl } = config;
  return {
    routes: oauthRoutes({ bearer, returnUrl, bodyLimit, client, store, seal, log }),
    close: () => store.close(),
  };
}
