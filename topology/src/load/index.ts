export { type CheckedTopology, checkTopology } from './checkTopology.ts';
export { loadTopology } from './loadTopology.ts';
export type { Place } from './located.ts';
export { formatProblem, hasErrors, type Problem } from './problem.ts';
export { readSources, type Source } from './readSources.ts';
export { requireEnvironment } from './requireEnvironment.ts';
export { resolveTopology } from './resolve.ts';
export { topologyInvalid } from './topologyInvalid.ts';
