// Of its own, so that a command which opens no connection loads no client.
import { type ConnectSettings, type JetStreamWriter, openWriter as open } from '@aa-ops/topology';
import { keepHeapSmall } from './smallHeap.ts';

export { openReader, openUnasked } from '@aa-ops/topology';

/** Whoever may write may read whole backlogs: they make throw-away consumers. */
export function openWriter(settings: ConnectSettings): Promise<JetStreamWriter> {
  keepHeapSmall();
  return open(settings);
}
