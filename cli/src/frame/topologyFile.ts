// Of its own, so that a command which reads no topology loads no YAML reader and no schema.
export { loadTopology } from '@aa-ops/topology';
