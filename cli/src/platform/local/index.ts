export { DEFAULT_CONFIG, MODE_KEY } from './configMap.ts';
export { describePlatform, type LocalStatus } from './describe.ts';
export { devDir } from './devDir.ts';
export { startDetached, waitForUp } from './detach.ts';
export { holderOf } from './lock.ts';
export { openLocalPlatform } from './openLocalPlatform.ts';
export type { PortWish } from './ports.ts';
export { DEFAULT_WORKLOADS, type Program, runtimeProgram } from './programs.ts';
export {
  type LocalPlatformHandle,
  type LocalPlatformOptions,
  startLocalPlatform,
  USUAL_PORTS,
} from './startLocalPlatform.ts';
export { isAlive, type LocalState, type PodState, readState } from './state.ts';
export { takeDown, type TakenDown } from './takeDown.ts';
