import type { Msg as ClientMsg } from 'nats';

/** The client's own names that others may need; they come from here, never from the package. */
export type { MsgHdrs, NatsConnection, Subscription } from 'nats';
export { Events, headers as newHeaders } from 'nats';

/** A message without the client's own reading of its headers, which may throw in the middle of its parser: headers.ts reads them. */
export type Msg = Omit<ClientMsg, 'headers'>;
