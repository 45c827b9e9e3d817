/** The client's own names that others may need; they come from here, never from the package. */
export type { Msg, MsgHdrs, NatsConnection, Subscription } from 'nats';
export { Events, headers as newHeaders } from 'nats';
