import type { Workload } from '@aa-ops/topology';
import type { StackConfig } from './stackConfig.ts';

/** Whether its pods ask Oura for athletes' tokens: those of the front door do, where the OAuth flow is open. */
export const asksOura = ({ secrets }: StackConfig, { role }: Workload): boolean =>
  role === 'producer' && secrets.ouraTokenKey !== undefined;

/** Consumers write rows; the OAuth flow keeps athletes' tokens. */
export const usesDatabase = (stack: StackConfig, workload: Workload): boolean =>
  workload.role === 'consumer' || asksOura(stack, workload);
