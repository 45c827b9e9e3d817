export { capabilities, has, type Capability, type ServerKind, sinceVersion } from './capabilities.ts';
export { countDeletion, countDeletions, type Deletion } from './deletions.ts';
export { diff, type PlanInput } from './diff.ts';
export { ABSENT, fingerprint, nameOf } from './fingerprint.ts';
export { makePlan, type MakePlanOptions } from './makePlan.ts';
export { canonicalJson, sameValue } from './values.ts';
export { findOverlaps } from './overlaps.ts';
export { type PlanFile, readPlanFile, refuseStale, writePlanFile } from './planFile.ts';
export {
  type Action,
  type Change,
  type ChangeClass,
  type FieldChange,
  onlyKind,
  type Overlap,
  pending,
  type Plan,
  planDocument,
  type PlannedChange,
  type PlanSummary,
  summarize,
  throughWindow,
} from './plan.ts';
export { describeWays } from './ways.ts';
