import type { types } from '@pulumi/kubernetes';

/** Distroless's `nonroot`: the images run as it, and so do the pods. */
const NONROOT = 65_532;

/** What a pod may: the "restricted" Pod Security Standard. */
export const podSecurity: types.input.core.v1.PodSecurityContext = {
  runAsNonRoot: true,
  runAsUser: NONROOT,
  runAsGroup: NONROOT,
  fsGroup: NONROOT,
  seccompProfile: { type: 'RuntimeDefault' },
};

/** What its container may: nothing that it does not need. */
export const hardened: types.input.core.v1.SecurityContext = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ['ALL'] },
};
