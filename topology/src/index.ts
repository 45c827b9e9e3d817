export * from './errors.ts';
export * from './host.ts';
export * from './model.ts';
export * from './jetstream/index.ts';
export * from './subjects/index.ts';
export * from './live/index.ts';
export * from './handover/index.ts';
