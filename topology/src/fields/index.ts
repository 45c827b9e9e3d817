export { consumerFields } from './consumerFields.ts';
export {
  consumerToWire,
  fieldPath,
  type FieldOwner,
  formatField,
  fromWire,
  streamToWire,
  UNLIMITED,
} from './convert.ts';
export type { FieldKind, FieldSpec, FieldTable } from './kinds.ts';
export { streamFields } from './streamFields.ts';
