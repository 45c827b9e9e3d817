import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { replaceFile } from './state.ts';

/** The environment variable that tells a pod its mode (docs/runtime.md). */
export const MODE_KEY = 'EVENT_STREAM_MODE';

/** What a pod is told when nobody says otherwise: pods manage neither streams nor consumers. */
export const DEFAULT_CONFIG = {
  [MODE_KEY]: 'single',
  FEATURE_SERVICE_MANAGES_STREAMS: 'false',
  FEATURE_SERVICE_MANAGES_CONSUMERS: 'false',
};

const configFile = (dir: string): string => join(dir, 'configmap.json');

/** The ConfigMap's stand-in; undefined where none was written yet. */
export function readConfigMap(dir: string): Record<string, string> | undefined {
  try {
    return JSON.parse(readFileSync(configFile(dir), 'utf8')) as Record<string, string>;
  } catch (error) {
    if ((error as { code?: string }).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Merges keys into it; a reader sees all of them or none. Only the supervisor calls this, one call at a time. */
export const mergeConfigMap = (dir: string, data: Record<string, string>): void =>
  replaceFile(configFile(dir), { ...readConfigMap(dir), ...data });
