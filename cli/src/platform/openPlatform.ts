import { OpsError, type Topology } from '@aa-ops/topology';
import { nonePlatform, type Platform } from './platform.ts';

/** The platform that an environment names; loads only that one. */
export async function openPlatform(topology: Topology): Promise<Platform> {
  const { platform } = topology.environment;
  if (platform === 'none' || topology.workloads.length === 0) return nonePlatform;
  if (platform === 'local') {
    const { DEFAULT_DEV_DIR, openLocalPlatform } = await import('./local/index.ts');
    return openLocalPlatform(DEFAULT_DEV_DIR);
  }
  throw new OpsError('platform-unsupported', `this version cannot drive pods on platform ${platform}`, {
    kind: 'refused',
    hint: 'use an environment with platform local or none',
  });
}
