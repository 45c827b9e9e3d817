import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import * as pulumi from '@pulumi/pulumi';
import { parse } from 'yaml';
import { type Bus, openBus } from '../../../infra/src/bus.ts';
import { defineEventBus } from '../../../infra/src/program.ts';
import { readStackConfig, type StackConfig } from '../../../infra/src/stackConfig.ts';
import type { Loose, Registered } from './rules/index.ts';

/** What a stack of the repository says. */
export async function stackOf(name: string): Promise<StackConfig> {
  const file = fileURLToPath(new URL(`../../../Pulumi.${name}.yaml`, import.meta.url));
  const { config } = parse(await readFile(file, 'utf8')) as { config: Record<string, unknown> };
  return readStackConfig(config['aa-ops:stack']);
}

/**
 * Everything that the program registers for a stack (and a topology other than Athlete Ally's, by its path), with its options: a transformation of the whole stack sees both. Pulumi's own mocks
 * stand in for the engine, since nothing is to be made; what a real engine makes of it is in test/cluster/pulumi.
 */
export async function registered(
  stack: StackConfig,
  topology?: string,
): Promise<{ bus: Bus; resources: Registered[] }> {
  await pulumi.runtime.setMocks({
    newResource: ({ name, inputs }) => ({ id: `${name}-id`, state: inputs }),
    call: ({ inputs }) => inputs,
  });
  const bus = await openBus(stack, topology);
  const resources: Promise<Registered>[] = [];
  await new Promise<void>((defined, failed) => {
    const define = async (): Promise<void> => {
      pulumi.runtime.registerStackTransformation(({ type, name, props, opts }) => {
        const ignoreChanges = opts.ignoreChanges ?? [];
        resources.push(valueOf(props).then((inputs) => ({ type, name, inputs, ignoreChanges })));
        return undefined;
      });
      defineEventBus(bus);
    };
    void pulumi.runtime.runInPulumiStack(() => define().then(defined, failed));
  });
  await callsAnswered();
  return { bus, resources: await Promise.all(resources) };
}

/** One of them. Throws where it was not registered. */
export function named(resources: readonly Registered[], kind: string, name: string): Registered {
  const found = resources.find((it) => it.type.endsWith(`:${kind}`) && it.inputs['metadata']?.name === name);
  if (!found) throw new Error(`no ${kind} ${name} was registered`);
  return found;
}

const valueOf = (props: pulumi.Inputs): Promise<Loose> =>
  new Promise((known) => pulumi.output(props).apply((it) => known(structuredClone(it))));

/** The mocks of the next program must not get this one's calls. Pulumi's own end of a program waits so; its types leave it out. */
const callsAnswered = (): Promise<void> =>
  (pulumi.runtime as unknown as { waitForRPCs(): Promise<void> }).waitForRPCs();
