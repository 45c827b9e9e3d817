export type * from './wire.ts';
export * from './account.ts';
export * from './connect.ts';
export * from './headers.ts';
export * from './readRange.ts';
export type { Msg, MsgHdrs, NatsConnection, Subscription } from 'nats';
export { headers as newHeaders } from 'nats';
