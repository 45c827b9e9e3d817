import type { Attributes, Context, SpanKind } from '@opentelemetry/api';
import {
  type Sampler,
  SamplingDecision,
  type SamplingResult,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace-base';
import { DRAWN } from './drawn.ts';

const PROBES = new Set(['/health', '/livez', '/readyz', '/metrics']);

/** Decides about traces that begin here: a share of them, never a probe's. */
export function rootSampler(ratio: number): Sampler {
  const byTraceId = new TraceIdRatioBasedSampler(ratio);
  return {
    shouldSample(
      context: Context,
      traceId: string,
      _name: string,
      _kind: SpanKind,
      attributes: Attributes,
    ): SamplingResult {
      if (context.getValue(DRAWN)) return { decision: SamplingDecision.RECORD_AND_SAMPLED };
      const path = attributes['url.path'] ?? attributes['http.target'];
      if (typeof path === 'string' && PROBES.has(path)) return { decision: SamplingDecision.NOT_RECORD };
      return byTraceId.shouldSample(context, traceId);
    },
    toString: () => `RootSampler{${ratio}}`,
  };
}
