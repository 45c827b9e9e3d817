export * from './check.ts';
export { HRV_SUBJECT } from './expected.ts';
export * from './lists.ts';
export { overall, runChecks } from './runChecks.ts';
export { takeBaseline } from './baseline.ts';
