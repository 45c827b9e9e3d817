export { openKubernetesPlatform, platformAt, type KubernetesOptions } from './openKubernetesPlatform.ts';
