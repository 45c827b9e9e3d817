import { createContextKey } from '@opentelemetry/api';

/** Set in a context whose root span has already won its draw: see createConsumeSpans. In a file of its own, so that who sets it need not load the SDK. */
export const DRAWN = createContextKey('aa: drawn for sampling');
