export { type ApplyOptions, applyPlan } from './applyPlan.ts';
export { describeDifferences, type Permissions, refusePlan } from './refusePlan.ts';
