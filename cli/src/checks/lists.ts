import { consumers, jetStream, liveMode, natsServer, streams } from './accountChecks.ts';
import type { Check } from './check.ts';

export const preflightChecks: readonly Check[] = [natsServer, jetStream, liveMode, streams, consumers];
export const bindingChecks: readonly Check[] = [liveMode, streams, consumers];
export const ownershipChecks: readonly Check[] = [liveMode, streams, consumers];
export const rollbackChecks: readonly Check[] = [liveMode, streams, consumers];
export const verifyChecks: readonly Check[] = [natsServer, jetStream, liveMode, streams, consumers];
