export * from './errors.ts';
export * from './host.ts';
export * from './model.ts';
export type * from './jetstream/wire.ts';
