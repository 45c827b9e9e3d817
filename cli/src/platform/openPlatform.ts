import type { Topology } from '@aa-ops/topology';
import { nonePlatform, type Platform } from './platform.ts';

export interface OpenPlatformOptions {
  /** Ends every wait for the platform. */
  signal?: AbortSignal;
  /** ms for which the platform is asked again while it does not answer; default: as long as a run waits for it. */
  patienceMs?: number;
}

/** For a look, which is no run: nobody wants to wait half a minute for it. */
export const LOOK_PATIENCE_MS = 5_000;

/** The platform that an environment names; loads only that one. */
export async function openPlatform(topology: Topology, options: OpenPlatformOptions = {}): Promise<Platform> {
  const { platform } = topology.environment;
  if (platform === 'none' || topology.workloads.length === 0) return nonePlatform;
  if (platform === 'local') {
    const { devDir, openLocalPlatform } = await import('./local/index.ts');
    return openLocalPlatform(devDir());
  }
  const { openKubernetesPlatform } = await import('./kubernetes/index.ts');
  return openKubernetesPlatform(topology, { ...options, frontDoor: process.env['INGEST_URL'] });
}
