import type { JetStreamReader } from '@aa-ops/topology';
import { nonePlatform, type Platform } from '../platform/platform.ts';

/** An account that could not be reached: whatever is asked of it fails of the same, and so does every check that asks. */
export function absentAccount(error: unknown): JetStreamReader {
  const fail = (): Promise<never> => Promise.reject(error as Error);
  return {
    get server(): never {
      throw error;
    },
    apiPrefix: '',
    accountInfo: fail,
    listStreams: fail,
    stream: fail,
    subjectCounts: fail,
    goneSeqs: fail,
    listConsumers: fail,
    consumer: fail,
    message: fail,
    rights: fail,
    close: async () => {},
  };
}

/** A platform that could not be opened. It knows no front door; of the database, the variable that the topology names still tells. */
export function absentPlatform(kind: Platform['kind'], error: unknown): Platform {
  const fail = (): Promise<never> => Promise.reject(error as Error);
  return {
    ...nonePlatform,
    kind,
    name: kind,
    readMode: fail,
    writeConfig: fail,
    pods: fail,
    restart: fail,
    logs: fail,
    get: fail,
    missingRights: fail,
    workloadState: fail,
  };
}
