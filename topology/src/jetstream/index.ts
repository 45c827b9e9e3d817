export type * from './wire.ts';
export * from './account.ts';
export * from './connect.ts';
export * from './headers.ts';
export * from './readRange.ts';
export * from './clientTypes.ts';
export * from './keyValue.ts';
