export { type ApplyOptions, applyPlan } from './applyPlan.ts';
export {
  describeDifferences,
  type Permissions,
  refuseDestructive,
  refusePlan,
  wayOutOfMixed,
} from './refusePlan.ts';
