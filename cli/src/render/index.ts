export * from './clean.ts';
export * from './document.ts';
export * from './numbers.ts';
export * from './paint.ts';
export * from './table.ts';
