import { formatDuration } from '../units/index.ts';
import type { ConsumerFields } from '../model.ts';
import { consumerPath, placedConsumers, type Rule, streamFinding } from './rule.ts';

/** What the server takes where nothing is set (server/consumer.go, JsAckWaitDefault), ns. */
const DEFAULT_ACK_WAIT = 30e9;
/** The server's lower bound of maxAge and duplicateWindow, ns. */
const SHORTEST = 100e6;

/** How long the deliveries of one message take when none is acked, ns; with deliveries unlimited, the first one. */
export function deliveryTime({ ack_wait, backoff = [], max_deliver = -1 }: ConsumerFields): number {
  const deliveries = Math.max(1, max_deliver);
  const waits = backoff.length > 0 ? backoff : [ack_wait ?? DEFAULT_ACK_WAIT];
  const last = waits.at(-1) ?? 0;
  const listed = waits.slice(0, deliveries);
  return listed.reduce((sum, wait) => sum + wait, 0) + last * (deliveries - listed.length);
}

/** A message that its stream deletes before its deliveries are used up is lost without a dead letter. */
export const deliveriesOutliveMaxAge: Rule = {
  code: 'deliveries-outlive-max-age',
  severity: 'error',
  why: 'a message that is deleted by age before its deliveries are used up is lost without a dead letter',
  *check(view) {
    for (const { mode, name, stream, fields, streamFields } of placedConsumers(view)) {
      const maxAge = streamFields.max_age ?? 0;
      const needed = deliveryTime(fields);
      if (maxAge === 0 || needed < maxAge) continue;
      const field = fields.backoff?.length ? 'backoff' : 'ackWait';
      const deliveries = Math.max(1, fields.max_deliver ?? -1);
      const way = field === 'backoff' ? 'backoff' : formatDuration(fields.ack_wait ?? DEFAULT_ACK_WAIT);
      yield {
        path: consumerPath(view, mode.name, name, field),
        message:
          `consumer ${name} may take ${formatDuration(needed)} (${deliveries} x ${way}) for one message, ` +
          `but ${stream} deletes it after ${formatDuration(maxAge)} (mode ${mode.name})`,
        fix: `shorten ${field} or maxDeliver, or raise streams.${stream}.maxAge`,
      };
    }
  },
};

/** What the server checks about times. */
export const refusedTime: Rule = {
  code: 'refused-time',
  severity: 'error',
  why: 'maxAge and duplicateWindow are at least 100ms, and the window is not longer than maxAge (10052)',
  *check(view) {
    for (const [stream, fields] of Object.entries(view.topology.streams)) {
      const { max_age: maxAge = 0, duplicate_window: window = 0 } = fields;
      const finding = streamFinding(view, stream);
      if (maxAge > 0 && maxAge < SHORTEST)
        yield finding(
          'maxAge',
          `has maxAge ${formatDuration(maxAge)}, less than 100ms`,
          'write at least 100ms',
        );
      if (window > 0 && window < SHORTEST)
        yield finding(
          'duplicateWindow',
          `has duplicateWindow ${formatDuration(window)}, less than 100ms`,
          'write at least 100ms',
        );
      if (maxAge > 0 && window > maxAge)
        yield finding(
          'duplicateWindow',
          `remembers message ids for ${formatDuration(window)} but messages for ${formatDuration(maxAge)} only`,
          `write at most ${formatDuration(maxAge)}, or raise maxAge`,
        );
    }
  },
};

/** The server wants a delivery for each entry. */
export const backoffTooLong: Rule = {
  code: 'backoff-too-long',
  severity: 'error',
  why: 'a durable with a backoff needs at least as many deliveries as the backoff has entries (10116)',
  *check(view) {
    for (const { mode, name, fields } of placedConsumers(view)) {
      const { backoff = [], max_deliver: deliveries = -1 } = fields;
      if (deliveries > 0 && backoff.length > deliveries)
        yield {
          path: consumerPath(view, mode.name, name, 'backoff'),
          message: `consumer ${name} has ${backoff.length} backoff entries for ${deliveries} deliveries`,
          fix: `raise maxDeliver to ${backoff.length} or more, or shorten the backoff`,
        };
    }
  },
};
