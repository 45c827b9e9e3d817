export * from './check.ts';
export * from './lists.ts';
export { overall, runChecks } from './runChecks.ts';
export { takeBaseline } from './baseline.ts';
