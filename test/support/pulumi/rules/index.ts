import { forEach, type Loose, type Registered, type Rule } from './rule.ts';

export type { Loose, Registered, Rule } from './rule.ts';

/** The pod of a Deployment or Job. */
const podOf = ({ inputs }: Registered) => inputs['spec'].template.spec;
const containersOf = (resource: Registered) => podOf(resource).containers as Loose[];

/** One pod is no service: a drained node would take it away. */
export const atLeastTwoReplicas = forEach('Deployment', ({ inputs }) =>
  inputs['spec'].replicas >= 2 ? undefined : `replicas is ${inputs['spec'].replicas}, must be 2 or more`,
);

/** A rollout never goes below the replicas. */
export const neverBelowReplicas = forEach('Deployment', ({ inputs }) => {
  const { maxUnavailable } = inputs['spec'].strategy?.rollingUpdate ?? {};
  return maxUnavailable === 0 ? undefined : `maxUnavailable is ${maxUnavailable}, must be 0`;
});

const withResources = (kind: string): Rule =>
  forEach(kind, (resource) => {
    const bare = containersOf(resource).filter(
      (it) => !it['resources']?.requests?.cpu || !it['resources']?.limits?.memory,
    );
    return bare.length === 0 ? undefined : 'a container has no requests.cpu or no limits.memory';
  });
export const deploymentsHaveResources = withResources('Deployment');
export const jobsHaveResources = withResources('Job');

const restricted = (kind: string): Rule =>
  forEach(kind, (resource) => {
    const pod = podOf(resource);
    if (pod.securityContext?.runAsNonRoot !== true) return 'runAsNonRoot is not true';
    if (pod.securityContext?.seccompProfile?.type !== 'RuntimeDefault')
      return 'seccompProfile is not RuntimeDefault';
    if (pod.automountServiceAccountToken !== false) return 'mounts a token that it does not use';
    const isSoft = (it: Loose): boolean =>
      it['securityContext']?.readOnlyRootFilesystem !== true ||
      it['securityContext']?.allowPrivilegeEscalation !== false ||
      it['securityContext']?.capabilities?.drop?.[0] !== 'ALL';
    return containersOf(resource).some(isSoft)
      ? 'a container is not hardened (read-only root, no capabilities)'
      : undefined;
  });
export const deploymentsAreRestricted = restricted('Deployment');
export const jobsAreRestricted = restricted('Job');

/** `patchForce` takes fields from their owners by force: the mode from `aa-ops`, to begin with. */
export const noPatchForce: Rule = (resources) =>
  resources
    .filter(({ inputs }) => inputs['metadata']?.annotations?.['pulumi.com/patchForce'] !== undefined)
    .map(({ name }) => `${name}: pulumi.com/patchForce takes fields from their owners`);

/** The mode is state that a migration writes: without this option the next `pulumi up` would write it back. */
export const modeIsLeftAlone =
  (configMap: string, path: string): Rule =>
  (resources) => {
    const found = resources.find(({ type, name }) => type.endsWith(':ConfigMap') && name === configMap);
    if (!found) return [`ConfigMap ${configMap} is missing`];
    return found.ignoreChanges.includes(path) ? [] : [`ConfigMap ${configMap}: ignoreChanges lacks ${path}`];
  };

/** A ConfigMap that cannot be changed is replaced, with the mode of its first day. */
export const configMapsAreMutable = forEach('kubernetes', ({ inputs }) =>
  String(inputs['enableConfigMapMutable']) === 'true' ? undefined : 'enableConfigMapMutable is off',
);

/** Secrets come by reference; a value in the program would be in the state. */
export const noSecretValues: Rule = (resources) =>
  resources
    .filter(({ type }) => type.endsWith(':Secret'))
    .map(({ name }) => `Secret ${name}: refer to one that stands`);

const withPinnedImages = (kind: string): Rule =>
  forEach(kind, (resource) => {
    const loose = containersOf(resource)
      .map((it) => String(it['image']))
      .filter((it) => !/[:@]/.test(it.replace(/^.*\//, '')) || it.endsWith(':latest'));
    return loose.length === 0 ? undefined : `image ${loose[0]} names no version`;
  });
/** Labels of an image move; whoever deploys production pins what runs. */
export const deploymentImagesAreNotLatest = withPinnedImages('Deployment');
export const jobImagesAreNotLatest = withPinnedImages('Job');

/** All of them, for the ConfigMap `configMap`, whose mode is at `path`. */
export const infraRules = (configMap: string, path: string): Record<string, Rule> => ({
  atLeastTwoReplicas,
  neverBelowReplicas,
  deploymentsHaveResources,
  jobsHaveResources,
  deploymentsAreRestricted,
  jobsAreRestricted,
  noPatchForce,
  modeIsLeftAlone: modeIsLeftAlone(configMap, path),
  configMapsAreMutable,
  noSecretValues,
  deploymentImagesAreNotLatest,
  jobImagesAreNotLatest,
});
