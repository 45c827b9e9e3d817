import type { PublishOutcome } from '@aa-ops/topology';
import type { PublisherKind } from './book.ts';

/** Something that sends a publisher's messages: over NATS, or through a front door. */
export interface Sender {
  name: string;
  kind: PublisherKind;
  /** Taken in turn, message by message. */
  subjects: string[];
  /** Publishes outstanding at most; 1 for a waiting one. */
  inFlight: number;
  /** Absent: as fast as acks allow. */
  ratePerSecond?: number;
  /** Absent: until it is stopped. */
  limit?: number;
  /** Never rejects, and answers within a bound. */
  send(message: { n: number; subject: string; run: string }): Promise<PublishOutcome>;
  close(): Promise<void>;
}
