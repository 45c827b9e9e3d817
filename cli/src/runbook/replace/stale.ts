import { fingerprint, nameOf, OpsError, type StreamInfo } from '@aa-ops/topology';
import type { RunContext } from '../context.ts';

/** Planned before the prompt and the lease: throws OpsError `plan-stale` (refused) unless what is to be made anew still stands as it was then. */
export async function requireAsPlanned({ account, run }: RunContext, info: StreamInfo): Promise<void> {
  const { stream, durable, before, created } = run.replacing!;
  const standing = durable === undefined ? info : await account.consumer(stream, durable);
  const planned = { ...info, config: before, created } as StreamInfo;
  if (fingerprint(standing) !== fingerprint(planned)) throw staleError(run.replacing!);
}

export function staleError({ stream, durable }: { stream: string; durable?: string }): OpsError {
  const name = nameOf(
    durable === undefined ? { kind: 'stream', name: stream } : { kind: 'consumer', name: durable, stream },
  );
  return new OpsError('plan-stale', `${name} was changed by somebody else since it was planned`, {
    kind: 'refused',
    hint: 'plan again: aa-ops plan',
    details: { changed: [name] },
  });
}
