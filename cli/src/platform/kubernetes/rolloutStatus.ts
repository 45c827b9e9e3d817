import type { V1Deployment } from '@kubernetes/client-node';

/** Where a Deployment's rollout stands. */
export type RolloutStatus =
  { state: 'done' } | { state: 'waiting'; says: string } | { state: 'failed'; says: string };

/**
 * kubectl's own rules for `rollout status` of a Deployment (kubectl/pkg/polymorphichelpers/rollout_status.go), word for word where
 * a person reads them: observed generation, updated, old ones gone, available, ProgressDeadlineExceeded.
 */
export function rolloutStatus({ metadata, spec, status }: V1Deployment): RolloutStatus {
  const name = metadata?.name ?? '';
  if ((metadata?.generation ?? 0) > (status?.observedGeneration ?? 0))
    return { state: 'waiting', says: 'waiting for deployment spec update to be observed' };
  const progressing = status?.conditions?.find(({ type }) => type === 'Progressing');
  if (progressing?.reason === 'ProgressDeadlineExceeded')
    return { state: 'failed', says: `deployment ${name} exceeded its progress deadline` };
  const wanted = spec?.replicas ?? 1;
  const updated = status?.updatedReplicas ?? 0;
  const all = status?.replicas ?? 0;
  const available = status?.availableReplicas ?? 0;
  if (updated < wanted)
    return { state: 'waiting', says: `${updated} out of ${wanted} new replicas have been updated` };
  if (all > updated)
    return { state: 'waiting', says: `${all - updated} old replicas are pending termination` };
  if (available < updated)
    return { state: 'waiting', says: `${available} of ${updated} updated replicas are available` };
  return { state: 'done' };
}

/** What keeps the Deployment from making pods at all: a quota, a service account that is missing; undefined: nothing. */
export function replicaFailure({ status }: V1Deployment): string | undefined {
  const failure = status?.conditions?.find(
    ({ type, status }) => type === 'ReplicaFailure' && status === 'True',
  );
  return failure && `${failure.reason ?? 'ReplicaFailure'}: ${failure.message ?? ''}`;
}
