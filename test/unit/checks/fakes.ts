import type { JetStreamReader, Topology } from '@aa-ops/topology';
import type { CheckContext } from '../../../cli/src/checks/index.ts';
import { DEFAULT_WORKLOADS } from '../../../cli/src/platform/local/index.ts';
import { nonePlatform, type Platform, type Pod } from '../../../cli/src/platform/platform.ts';
import { seedTopology } from '../../support/topologies.ts';

/** Athlete Ally's topology with pods. */
export const podTopology: Topology = {
  ...seedTopology,
  workloads: DEFAULT_WORKLOADS,
  configMap: { name: 'event-bus-config', modeKey: 'EVENT_STREAM_MODE', data: { EXTRA: 'on' } },
};

export const podOf = (name: string, changes: Partial<Pod> = {}): Pod => ({
  name,
  workload: name.replace(/-\d+$/, ''),
  ready: true,
  restarts: 0,
  startedAt: new Date().toISOString(),
  crashLoop: false,
  ...changes,
});

/** A platform of which only what a test is about says anything: what real pods do is shown by the e2e tests. */
export const fakePlatform = (changes: Partial<Platform>): Platform => ({
  ...nonePlatform,
  kind: 'kubernetes',
  ...changes,
});

export const contextOf = (platform: Platform, changes: Partial<CheckContext> = {}): CheckContext => ({
  topology: podTopology,
  mode: 'multi',
  ownedIn: 'multi',
  account: undefined as unknown as JetStreamReader, // these checks ask the platform only
  platform,
  signal: new AbortController().signal,
  host: { notify: () => {} },
  timeoutMs: 0,
  ...changes,
});
