import {
  consumerPath,
  type Finding,
  placedConsumers,
  type Rule,
  type RuleView,
  streamFinding,
  streamPath,
} from './rule.ts';

/** nats-server's JSMaxDescriptionLen and JSMaxMetadataLen, bytes; StreamMaxReplicas. */
const MAX_DESCRIPTION = 4096;
const MAX_METADATA = 128 * 1024;
const MAX_REPLICAS = 5;

const bytes = (text: string) => new TextEncoder().encode(text).length;

/** Values that the server refuses in any account; each was tried on nats-server 2.10.26 and 2.15.1. */
export const refusedValue: Rule = {
  code: 'refused-value',
  severity: 'error',
  why: 'the server refuses the value, or the two together',
  *check(view) {
    yield* refusedInStreams(view);
    yield* refusedInConsumers(view);
  },
};

function* refusedInStreams(view: RuleView): Generator<Finding> {
  for (const [stream, fields] of Object.entries(view.topology.streams)) {
    const finding = streamFinding(view, stream);
    yield* tooLong(fields, finding);
    if (fields.discard_new_per_subject && fields.discard !== 'new')
      yield finding(
        'discardNewPerSubject',
        'has discardNewPerSubject without discard: new',
        'add discard: new',
      );
    else if (fields.discard_new_per_subject && !((fields.max_msgs_per_subject ?? -1) > 0))
      yield finding(
        'discardNewPerSubject',
        'has discardNewPerSubject without maxMsgsPerSubject',
        'add maxMsgsPerSubject',
      );
    if (fields.deny_purge && fields.allow_rollup_hdrs)
      yield finding('allowRollupHdrs', 'allows roll-ups and denies purges', 'keep one of the two');
    if ((fields as { mirror_direct?: boolean }).mirror_direct && !fields.mirror)
      yield finding('mirrorDirect', 'has mirrorDirect without a mirror', 'leave it out');
    for (const [at, source] of (fields.sources ?? []).entries())
      if (source.filter_subject !== undefined && source.subject_transforms)
        yield {
          ...finding(
            'sources',
            `sources ${source.name} with filterSubject and subjectTransforms`,
            'keep one of the two',
          ),
          path: [...streamPath(view, stream, 'sources'), at],
        };
  }
}

function* refusedInConsumers(view: RuleView): Generator<Finding> {
  for (const { mode, name, fields, stream, streamFields } of placedConsumers(view)) {
    const finding = (field: string, message: string, fix: string): Finding => ({
      path: consumerPath(view, mode.name, name, field),
      message: `consumer ${name} ${message}`,
      fix,
    });
    yield* tooLong(fields, finding);
    const policy = fields.deliver_policy ?? 'all';
    for (const [wire, field, needed] of [
      ['opt_start_seq', 'optStartSeq', 'by_start_sequence'],
      ['opt_start_time', 'optStartTime', 'by_start_time'],
    ] as const) {
      if (fields[wire] !== undefined && policy !== needed)
        yield finding(
          field,
          `has ${field} and deliverPolicy ${policy}`,
          `write deliverPolicy: ${needed}, or leave it out`,
        );
      if (fields[wire] === undefined && policy === needed)
        yield finding('deliverPolicy', `has deliverPolicy ${policy} and no ${field}`, `add ${field}`);
    }
    if (policy === 'last_per_subject' && !fields.filter_subjects?.length)
      yield finding(
        'deliverPolicy',
        'has deliverPolicy last_per_subject and no filter',
        'add filterSubjects',
      );
    if (fields.ack_wait === 0) yield finding('ackWait', 'has ackWait 0s', 'write a duration, such as 30s');
    const limits = streamFields.consumer_limits;
    const { max_ack_pending: pending, inactive_threshold: inactive } = fields;
    if (
      limits?.max_ack_pending &&
      pending !== undefined &&
      (pending > limits.max_ack_pending || pending === -1)
    )
      yield finding(
        'maxAckPending',
        `asks for more than consumerLimits.maxAckPending of ${stream}, ${limits.max_ack_pending}`,
        'lower it',
      );
    if (limits?.inactive_threshold && inactive !== undefined && inactive > limits.inactive_threshold)
      yield finding(
        'inactiveThreshold',
        `asks for more than consumerLimits.inactiveThreshold of ${stream}`,
        'lower it',
      );
  }
}

function* tooLong(
  { description, metadata }: { description?: string; metadata?: Record<string, string> },
  finding: (field: string, message: string, fix: string) => Finding,
): Generator<Finding> {
  const size = bytes(description ?? '');
  if (size > MAX_DESCRIPTION)
    yield finding(
      'description',
      `has a description of ${size} bytes, more than ${MAX_DESCRIPTION}`,
      'shorten it',
    );
  const all = Object.entries(metadata ?? {}).reduce(
    (sum, [key, value]) => sum + bytes(key) + bytes(value),
    0,
  );
  if (all > MAX_METADATA)
    yield finding('metadata', `has ${all} bytes of metadata, more than ${MAX_METADATA}`, 'shorten it');
}

/** More than five are refused; an even number has no more tolerance than one less. */
export const replicas: Rule = {
  code: 'replicas',
  severity: 'error',
  why: 'at most 5 replicas (10052), a consumer’s not more than its stream’s (10126); an even number survives no more failures than one less',
  *check(view) {
    const judge = function* (
      count: number | undefined,
      path: Finding['path'],
      whose: string,
    ): Generator<Finding> {
      if (count === undefined) return;
      if (count > MAX_REPLICAS)
        yield {
          path,
          message: `${whose} has ${count} replicas, more than ${MAX_REPLICAS}`,
          fix: 'write 1, 3 or 5',
        };
      else if (count % 2 === 0)
        yield {
          path,
          severity: 'warning',
          message: `${whose} has ${count} replicas, which survive no more failures than ${count - 1}`,
          fix: `write ${count - 1} or ${count + 1}`,
        };
    };
    for (const [name, environment] of Object.entries(view.file.environments))
      yield* judge(environment.replicas, ['environments', name, 'replicas'], `environment ${name}`);
    for (const [name, fields] of Object.entries(view.topology.streams))
      yield* judge(fields.num_replicas, streamPath(view, name, 'replicas'), `stream ${name}`);
    for (const { mode, name, stream, fields, streamFields } of placedConsumers(view)) {
      const own =
        streamFields.num_replicas ??
        (view.environment === undefined ? undefined : view.topology.environment.replicas);
      if (fields.num_replicas !== undefined && own !== undefined && fields.num_replicas > own)
        yield {
          path: consumerPath(view, mode.name, name, 'replicas'),
          message: `consumer ${name} has ${fields.num_replicas} replicas, its stream ${stream} ${own}`,
          fix: 'leave it out: it then has as many as its stream',
        };
    }
  },
};
