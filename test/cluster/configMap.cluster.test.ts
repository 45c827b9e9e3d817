import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openConnection } from '../../cli/src/platform/kubernetes/connection.ts';
import { mergeConfigMap } from '../../cli/src/platform/kubernetes/configMap.ts';
import { type KubeApi, openKubeApi } from '../../cli/src/platform/kubernetes/kubeApi.ts';
import { type Staging, startStaging } from '../support/cluster/staging.ts';

// Somebody else writes the ConfigMap between our read and our write: the API server's own conflict, brought about at will.
let staging: Staging;
beforeAll(async () => {
  staging = await startStaging();
});
afterAll(() => staging?.stop());

const NAME = 'event-bus-config';

/** The real API; before each of our patches, somebody else's. */
function contested(write: (nth: number) => object | undefined): KubeApi {
  const env = { KUBECONFIG: staging.cluster.kubeconfigs['aa-ops'] };
  const api = openKubeApi(openConnection(staging.topology.environment, { env }));
  let patches = 0;
  return {
    ...api,
    async ask(asked, request) {
      const data = asked.verb === 'patch' ? write(++patches) : undefined;
      if (data) await staging.patch('configmaps', NAME, { data });
      return api.ask(asked, request);
    },
  };
}

const dataOf = async (): Promise<Record<string, string>> => (await staging.get('configmaps', NAME)).data;

describe('another writer', () => {
  test('of another key once: both stand', async () => {
    const api = contested((nth) => (nth === 1 ? { NORMALIZE_HRV_MAX_DELIVER: '7' } : undefined));
    await mergeConfigMap(api, NAME, { EVENT_STREAM_MODE: 'multi' });
    expect(await dataOf()).toMatchObject({ EVENT_STREAM_MODE: 'multi', NORMALIZE_HRV_MAX_DELIVER: '7' });
  });

  test('of our key: refused, with what it wrote and who', async () => {
    const api = contested((nth) => (nth === 1 ? { EVENT_STREAM_MODE: 'other' } : undefined));
    await expect(mergeConfigMap(api, NAME, { EVENT_STREAM_MODE: 'single' })).rejects.toMatchObject({
      code: 'config-conflict',
      message: expect.stringContaining('EVENT_STREAM_MODE=other meanwhile'),
    });
    expect(await dataOf()).toMatchObject({ EVENT_STREAM_MODE: 'other' });
  });

  test('that never stops: refused after some tries, nothing of it overwritten', async () => {
    const api = contested((nth) => ({ EXTRA: String(nth) }));
    await expect(mergeConfigMap(api, NAME, { EVENT_STREAM_MODE: 'single' })).rejects.toMatchObject({
      code: 'config-conflict',
      message: expect.stringMatching(
        /conflict with another writer of ConfigMap event-bus-config: it changed \d times in a row/,
      ),
    });
    expect(await dataOf()).toMatchObject({ EVENT_STREAM_MODE: 'other' });
  });
});

test('a run that meets one ends by itself where it was, and says so', async () => {
  await staging.patch('configmaps', NAME, { data: { EVENT_STREAM_MODE: 'single' } });
  // Writes until the run is over, as a controller with another opinion would.
  let running = true;
  const opinionated = (async () => {
    for (let n = 0; running; n++) await staging.patch('configmaps', NAME, { data: { OPINION: String(n) } });
  })();
  const { code, stdout, stderr } = await staging.run([
    'migrate',
    '--to',
    'multi',
    '--pause-before',
    'restart-consumers',
  ]);
  running = false;
  await opinionated;
  // Whoever is faster: written in between two of its writes, or refused; never half.
  const known = code === 4 ? /paused before|"pausedBefore": "restart-consumers"/ : /config-conflict/;
  expect(stdout + stderr).toMatch(known);
  expect([1, 4]).toContain(code);
  expect(await staging.mode()).toBe(code === 4 ? 'multi' : 'single');
});
