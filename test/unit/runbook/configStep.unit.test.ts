import { expect, it } from 'vitest';
import type { RunContext } from '../../../cli/src/runbook/context.ts';
import { configStep } from '../../../cli/src/runbook/steps/configStep.ts';
import { fakePlatform, podTopology } from '../checks/fakes.ts';

/** What `verify` asks for: the ConfigMap, and where the run goes. */
const contextOf = (mode: string | undefined): RunContext => {
  const platform = fakePlatform({ readMode: async () => ({ mode, data: {} }) });
  return { topology: podTopology, platform, run: { to: 'multi' } } as RunContext;
};

it('is verified where the ConfigMap has the mode', async () => {
  await expect(configStep.verify!(contextOf('multi'))).resolves.toBeUndefined();
});

it.each([
  ['single', 'single'],
  [undefined, 'not set'],
])('tells of another writer where it has %s behind our write', async (mode, shown) => {
  await expect(configStep.verify!(contextOf(mode))).rejects.toMatchObject({
    name: 'OpsError',
    code: 'config-conflict',
    kind: 'failed',
    message: `somebody wrote event-bus-config meanwhile: EVENT_STREAM_MODE is ${shown}, not multi`,
    hint: expect.stringContaining('docs/kubernetes.md') as string,
  });
});
