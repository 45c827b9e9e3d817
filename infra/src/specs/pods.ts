import type { types } from '@pulumi/kubernetes';
import type { Bus } from '../bus.ts';
import type { StackConfig } from '../stackConfig.ts';
import { podSecurity } from './security.ts';

type PodSpec = types.input.core.v1.PodSpec;
type Volume = types.input.core.v1.Volume;
type VolumeMount = types.input.core.v1.VolumeMount;

/** What every pod of ours says of itself: a hardened account without a token, and none of the namespace's Services in its environment. */
export const podBasics = (
  { stack }: Bus,
  serviceAccountName: string,
): Omit<PodSpec, 'containers'> & { serviceAccountName: string } => ({
  serviceAccountName,
  automountServiceAccountToken: false,
  enableServiceLinks: false,
  securityContext: podSecurity,
  ...(stack.imagePullSecrets.length > 0
    ? { imagePullSecrets: stack.imagePullSecrets.map((name) => ({ name })) }
    : {}),
});

/** A credentials file for NATS in a pod: its path, and what mounts it. */
export interface Credentials {
  path: string;
  volumes: Volume[];
  mounts: VolumeMount[];
}

const FOLDER = '/var/run/secrets/aa-ops/nats';

/** The credentials file of one of the stack's Secrets; of none, nothing is mounted. */
export function natsCredentials(secret: StackConfig['secrets']['nats']): Credentials | undefined {
  if (!secret) return undefined;
  const name = 'nats-credentials';
  return {
    path: `${FOLDER}/${secret.key}`,
    volumes: [{ name, secret: { secretName: secret.name, defaultMode: 0o440 } }],
    mounts: [{ name, mountPath: FOLDER, readOnly: true }],
  };
}
