import { matches, type MessageHeaders, type StreamMessage } from '@aa-ops/topology';

/** Names a message for ever: which ledger, which publisher, its running number; and when it was sent, ms since the epoch. */
export const TRAFFIC_HEADER = 'AA-Traffic';

/** Who sent a message, and as which of its own, counted from 0. */
export interface Identity {
  publisher: string;
  n: number;
}

/** What a message is told by, however it was read. */
export interface Identifiable extends Pick<StreamMessage, 'subject' | 'data'> {
  headers: Pick<MessageHeaders, 'first'>;
}

/** Tells whose message it is; undefined for one that is none of the ledger's. */
export type Identify = (message: Identifiable) => Identity | undefined;

export const identityHeader = (run: string, { publisher, n }: Identity, timeMs: number): string =>
  `${run} ${publisher} ${n} ${timeMs}`;

/** Reads TRAFFIC_HEADER of messages of this ledger's run. */
export const identifyByHeader =
  (run: string): Identify =>
  ({ headers }) => {
    const value = headers.first(TRAFFIC_HEADER);
    if (value === undefined || !value.startsWith(`${run} `)) return undefined;
    const [, publisher, n] = value.split(' ');
    return publisher === undefined || n === undefined ? undefined : { publisher, n: Number(n) };
  };

/** Whether any filter hears the subject. */
export const isHeard = (filters: readonly string[], subject: string): boolean =>
  filters.some((filter) => matches(filter, subject));
