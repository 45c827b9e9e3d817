export type * from './wire.ts';
export * from './account.ts';
export * from './connect.ts';
export * from './headers.ts';
export * from './publish.ts';
export * from './pullDurable.ts';
export { type Range, readRange, type StreamMessage } from './readRange.ts';
export * from './clientTypes.ts';
export * from './keyValue.ts';
