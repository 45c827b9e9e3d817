import type { ApiRequest } from './apiRequest.ts';
import { JetStreamError, JsError } from './jsError.ts';
import type { ConsumerConfig, ConsumerInfo } from './wire.ts';

/** Describes our own throw-away consumers: one whose process was killed stands for `INACTIVE_NS` more, and reads nothing. */
export const RANGE_READER = 'aa-ops: reads a range, goes by itself';
const INACTIVE_NS = 30_000_000_000;

/**
 * Makes a consumer that reads a stream from a sequence on, beside those of its users: in memory, and on one server. Of a stream with retention
 * interest it has as many replicas as that, since the server takes no others (10134). Throws JetStreamError.
 */
export async function createReader(
  api: ApiRequest,
  stream: string,
  fromSeq: number,
  more: Partial<ConsumerConfig>,
): Promise<ConsumerInfo> {
  const config = {
    deliver_policy: 'by_start_sequence',
    opt_start_seq: Math.max(1, fromSeq),
    ack_policy: 'none',
    max_deliver: 1,
    mem_storage: true,
    inactive_threshold: INACTIVE_NS,
    description: RANGE_READER,
    ...more,
  };
  const make = (replicas: object): Promise<ConsumerInfo> =>
    api<ConsumerInfo>(`CONSUMER.CREATE.${stream}`, {
      stream_name: stream,
      config: { ...config, ...replicas },
    });
  return make({ num_replicas: 1 }).catch((error: unknown) => {
    if (error instanceof JetStreamError && error.errCode === JsError.replicasDiffer) return make({});
    throw error;
  });
}
