import type { Topology } from '@aa-ops/topology';

/** One thing that the operator does in the namespace, as RBAC names it. */
export interface Right {
  /** Empty: the core group. */
  apiGroup: '' | 'apps';
  /** With its subresource: `pods/log`. */
  resource: string;
  verb: 'get' | 'list' | 'patch' | 'create';
  /** The only objects that it is needed for; absent: all of the namespace, since names of pods are not known before. */
  names?: string[];
  /** Commands and steps that end without it. */
  for: string;
  /** Nothing fails without it; a report says less. */
  isWish?: true;
  /** Only from outside the cluster: inside, pods are asked at their addresses. */
  isRemote?: true;
}

/** A rule of a Role. */
export interface RoleRule {
  apiGroups: string[];
  resources: string[];
  verbs: string[];
  resourceNames?: string[];
}

/**
 * Every right that this port ever uses, and no other: the operator's Role is made of it, `preflight` asks for each, and a
 * request that is refused names its own. To ask whether one has a right is granted to everybody (system:basic-user).
 */
export function rightsOf({ configMap, workloads }: Pick<Topology, 'configMap' | 'workloads'>): Right[] {
  const deployments = workloads.map(({ name }) => name);
  const doors = workloads.filter(({ role }) => role === 'producer').map(frontDoorName);
  const core = { apiGroup: '' } as const;
  const apps = { apiGroup: 'apps', resource: 'deployments', names: deployments } as const;
  return [
    ...(configMap
      ? ([
          {
            ...core,
            resource: 'configmaps',
            verb: 'get',
            names: [configMap.name],
            for: 'backup, config, drift',
          },
          { ...core, resource: 'configmaps', verb: 'patch', names: [configMap.name], for: 'config' },
        ] satisfies Right[])
      : []),
    { ...apps, verb: 'get', for: 'preflight, restart-consumers, restart-producers' },
    { ...apps, verb: 'patch', for: 'restart-consumers, restart-producers' },
    { ...core, resource: 'pods', verb: 'list', for: 'preflight, restarts, checks, status' },
    { ...core, resource: 'pods/log', verb: 'get', for: 'checks' },
    { ...core, resource: 'pods/proxy', verb: 'get', for: 'checks: health and metrics', isRemote: true },
    ...(doors.length > 0
      ? ([
          {
            ...core,
            resource: 'services/proxy',
            verb: 'create',
            names: doors,
            for: 'checks: the test event',
            isRemote: true,
          },
        ] satisfies Right[])
      : []),
    { ...core, resource: 'events', verb: 'list', for: 'why a rollout is stuck', isWish: true },
  ];
}

/** How the API server names a producer's Service in a proxied request: it is called as its workload, with its port. */
export const frontDoorName = ({ name, port }: { name: string; port: number }): string => `${name}:${port}`;

/** The rights as rules of a Role: one for each resource and its names. */
export function roleRules(rights: readonly Right[]): RoleRule[] {
  const rules = new Map<string, RoleRule>();
  for (const { apiGroup, resource, verb, names } of rights) {
    const key = JSON.stringify([apiGroup, resource, names]);
    const rule = rules.get(key) ?? {
      apiGroups: [apiGroup],
      resources: [resource],
      verbs: [],
      ...(names ? { resourceNames: [...names] } : {}),
    };
    rule.verbs.push(verb);
    rules.set(key, rule);
  }
  return [...rules.values()];
}

/** `patch deployments.apps/normalize-service`, as it stands in messages. */
export const describeRight = (
  { verb, apiGroup, resource }: Pick<Right, 'verb' | 'apiGroup' | 'resource'>,
  name?: string,
): string => `${verb} ${resource}${apiGroup ? `.${apiGroup}` : ''}${name ? ` ${name}` : ''}`;
