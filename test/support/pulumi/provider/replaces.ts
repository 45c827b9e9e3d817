import type { Loose } from './object.ts';

/** Which paths make an object a new one when they change, as in pulumi-kubernetes' provider/pkg/provider/provider_forcenew (per kind). */
const FORCE_NEW: Record<string, string[]> = {
  ConfigMap: ['data', 'binaryData', 'immutable'],
  Secret: ['data', 'stringData', 'type', 'immutable'],
  Deployment: ['spec.selector'],
  Job: ['spec.selector', 'spec.template', 'spec.completions', 'spec.completionMode'],
  Service: ['spec.clusterIP'],
  RoleBinding: ['roleRef'],
  ClusterRoleBinding: ['roleRef'],
};
const ALWAYS = ['apiVersion', 'kind', 'metadata.name', 'metadata.namespace'];

export interface ReplaceSettings {
  enableConfigMapMutable: boolean;
}

/** Those of `changed` that a running object cannot take: it is made anew. */
export function replacing(settings: ReplaceSettings, inputs: Loose, changed: readonly string[]): string[] {
  const mutable = inputs.kind === 'ConfigMap' && settings.enableConfigMapMutable && inputs.immutable !== true;
  const paths = [...ALWAYS, ...(mutable ? [] : (FORCE_NEW[inputs.kind as string] ?? []))];
  return changed.filter((it) =>
    paths.some((path) => it === path || it.startsWith(`${path}.`) || it.startsWith(`${path}[`)),
  );
}
