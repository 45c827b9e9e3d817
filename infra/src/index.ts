import { Config } from '@pulumi/pulumi';
import { openBus } from './bus.ts';
import { defineEventBus } from './program.ts';
import { readStackConfig } from './stackConfig.ts';

const config = new Config('aa-ops');
const stack = readStackConfig(config.requireObject('stack'));
// A stack that is tried out elsewhere may bring its own topology, a file or a folder.
const bus = await openBus(stack, config.get('topology'));

export const { namespace, configMap, streamsApplyJob, services, next } = defineEventBus(bus);
