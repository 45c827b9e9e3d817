import type { types } from '@pulumi/kubernetes';
import type { Bus } from '../bus.ts';

type Rule = types.input.rbac.v1.PolicyRule;

/** The operator's ServiceAccount, Role and RoleBinding. */
export const OPERATOR = 'aa-ops';

/**
 * What `aa-ops` does in the namespace and nothing else: the same verbs and names as cli/src/platform/kubernetes/rights.ts says that it
 * uses, which a test compares. Pods are listed without names, since nobody knows them before.
 */
export function operatorRules({ topology }: Bus): Rule[] {
  const workloads = topology.workloads.map(({ name }) => name);
  const doors = topology.workloads
    .filter(({ role }) => role === 'producer')
    .map(({ name, port }) => `${name}:${port}`);
  const rule = (group: string, resource: string, verbs: string[], resourceNames?: string[]): Rule => ({
    apiGroups: [group],
    resources: [resource],
    verbs,
    ...(resourceNames ? { resourceNames } : {}),
  });
  return [
    rule('', 'configmaps', ['get', 'patch'], [topology.configMap!.name]),
    rule('apps', 'deployments', ['get', 'patch'], workloads),
    rule('', 'pods', ['list']),
    rule('', 'pods/log', ['get']),
    rule('', 'pods/proxy', ['get']),
    ...(doors.length > 0 ? [rule('', 'services/proxy', ['create'], doors)] : []),
    rule('', 'events', ['list']),
  ];
}

/** People and groups of the stack's configuration, and the ServiceAccount of whoever runs `aa-ops` in the cluster. */
export function operatorSubjects({ stack, namespace }: Bus): types.input.rbac.v1.Subject[] {
  const apiGroup = 'rbac.authorization.k8s.io';
  return [
    ...stack.operators.users.map((name) => ({ kind: 'User', name, apiGroup })),
    ...stack.operators.groups.map((name) => ({ kind: 'Group', name, apiGroup })),
    { kind: 'ServiceAccount', name: OPERATOR, namespace },
  ];
}
