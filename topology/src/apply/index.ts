export { type ApplyOptions, applyPlan } from './applyPlan.ts';
export { describeDifferences, type Permissions, refuseDestructive, refusePlan } from './refusePlan.ts';
