export { DURATION_PATTERN, formatDuration, nsToMs, parseDuration } from './durations.ts';
export { formatSize, parseSize, SIZE_PATTERN } from './sizes.ts';
