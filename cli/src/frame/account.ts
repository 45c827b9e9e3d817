// Of its own, so that a command which opens no connection loads no client.
export { openReader, openWriter } from '@aa-ops/topology';
