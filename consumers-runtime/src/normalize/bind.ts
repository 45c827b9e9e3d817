import {
  AckPolicy,
  type ConsumerConfig,
  type ConsumerInfo,
  DeliverPolicy,
  type JetStreamManager,
  NatsError,
} from 'nats';
import { type Log, messageOf } from '../shared/log.ts';
import type { NormalizeConfig } from './config.ts';

/** What a durable allows one request; 0: no limit. */
export interface RequestLimits {
  readonly messages: number;
  readonly bytes: number;
  readonly expiresMs: number;
}

/** The durable that a pod works for, as it stands on the server: its live configuration decides. */
export interface Binding {
  readonly stream: string;
  readonly durable: string;
  readonly subject: string;
  readonly ackWaitMs: number;
  /** -1: without end. */
  readonly maxDeliver: number;
  readonly limits: RequestLimits;
  /** Tells a durable that was made anew from the one we knew, ms since 1970. */
  readonly created: string;
  readonly pending: number;
  readonly ackPending: number;
  /** Somebody wants nothing to be delivered for a time (2.11): a handover of a work queue does. */
  readonly paused: boolean;
}

export const NO_STREAM = 10059;
const NO_CONSUMER = 10014;
const NOT_FOUND = new Set([NO_CONSUMER, NO_STREAM]);
const EXISTS_DIFFERENTLY = new Set([10013, 10148]);

/**
 * Looks through the candidates in order and binds the first that has the durable. Undefined: none has. Throws what
 * JetStream said when it could not tell: an unanswered question about the first candidate must not lead to the second.
 */
export async function findConsumer(
  jsm: JetStreamManager,
  config: Pick<
    NormalizeConfig,
    'candidates' | 'durable' | 'subject' | 'managesConsumers' | 'maxDeliver' | 'ackWaitMs'
  >,
  log: Log,
): Promise<Binding | undefined> {
  const { durable } = config;
  for (const stream of config.candidates) {
    let info = await readConsumer(jsm, stream, durable);
    if (info) log.info(`[normalize] Found existing HRV consumer on ${stream}: ${durable}`);
    else if (config.managesConsumers) info = await makeConsumer(jsm, stream, config, log);
    if (info && isUsable(info, log)) {
      const binding = toBinding(info, config.subject);
      log.info(`[normalize] HRV durable pull consumer bound: ${durable}, subject: ${binding.subject}`, {
        stream,
      });
      return binding;
    }
    if (!info) {
      const next = stream === config.candidates.at(-1) ? 'No candidate is left.' : 'Trying next candidate.';
      log.warn(`[normalize] Consumer ${durable} not found on ${stream}. ${next}`);
    }
  }
  log.error('Failed to find HRV consumer on any available stream', {
    candidates: config.candidates,
    durable,
  });
  return undefined;
}

/** Undefined when the stream or the durable does not exist. */
export async function readConsumer(
  jsm: JetStreamManager,
  stream: string,
  durable: string,
): Promise<ConsumerInfo | undefined> {
  try {
    return await jsm.consumers.info(stream, durable);
  } catch (error) {
    if (NOT_FOUND.has(apiCode(error))) return undefined;
    throw error;
  }
}

export function toBinding(info: ConsumerInfo, subject: string): Binding {
  const { config } = info;
  return {
    stream: info.stream_name,
    durable: info.name,
    subject: config.filter_subject ?? config.filter_subjects?.[0] ?? subject,
    ackWaitMs: (config.ack_wait ?? 30e9) / 1e6,
    maxDeliver: config.max_deliver ?? -1,
    limits: {
      messages: config.max_batch ?? 0,
      bytes: config.max_bytes ?? 0,
      expiresMs: (config.max_expires ?? 0) / 1e6,
    },
    created: info.created,
    pending: info.num_pending,
    ackPending: info.num_ack_pending,
    paused: info.paused ?? false,
  };
}

/** Only where FEATURE_SERVICE_MANAGES_CONSUMERS says so. Undefined: no such stream, or it does not hear the subject. */
async function makeConsumer(
  jsm: JetStreamManager,
  stream: string,
  config: Pick<NormalizeConfig, 'durable' | 'subject' | 'maxDeliver' | 'ackWaitMs'>,
  log: Log,
): Promise<ConsumerInfo | undefined> {
  try {
    const info = await jsm.consumers.add(stream, {
      durable_name: config.durable,
      filter_subject: config.subject,
      ack_policy: AckPolicy.Explicit,
      deliver_policy: DeliverPolicy.All,
      ack_wait: config.ackWaitMs * 1e6,
      max_deliver: config.maxDeliver,
      max_ack_pending: 5_000,
    });
    log.info(`[normalize] Created HRV consumer on ${stream}: ${config.durable}`);
    return info;
  } catch (error) {
    if (EXISTS_DIFFERENTLY.has(apiCode(error))) return readConsumer(jsm, stream, config.durable); // another pod was first
    if (apiCode(error) === 0) throw error;
    log.warn(`[normalize] Consumer ${config.durable} could not be made on ${stream}: ${messageOf(error)}`);
    return undefined;
  }
}

/** Fields of newer servers (2.11) that the client does not know. */
interface Newer {
  priority_groups?: string[];
}

function isUsable(info: ConsumerInfo, log: Log): boolean {
  const { deliver_subject, ack_policy, priority_groups } = info.config as ConsumerConfig & Newer;
  const problem = deliver_subject
    ? 'is a push consumer'
    : ack_policy !== AckPolicy.Explicit
      ? `has ack policy ${ack_policy}`
      : priority_groups?.length
        ? `has priority groups (${priority_groups.join(', ')})`
        : undefined;
  if (problem)
    log.error(
      `[normalize] Consumer ${info.name} on ${info.stream_name} ${problem}: an explicit pull consumer is needed.`,
    );
  return problem === undefined;
}

/** JetStream's own number of an error; 0: none. */
export const apiCode = (error: unknown): number =>
  error instanceof NatsError ? (error.api_error?.err_code ?? 0) : 0;
