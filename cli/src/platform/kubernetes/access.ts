import { inFlight } from '@aa-ops/topology';
import type { MissingRight } from '../platform.ts';
import type { KubeApi } from './kubeApi.ts';
import { describeRight, type Right, roleRules } from './rights.ts';

const ASKED_AT_ONCE = 8;

/** Asks the API server for each right whether we have it (SelfSubjectAccessReview, which everybody may); the ones that are missing. */
export async function missingRights(api: KubeApi, rights: readonly Right[]): Promise<MissingRight[]> {
  const wanted = rights.flatMap((right) => (right.names ?? [undefined]).map((name) => ({ right, name })));
  const allowed = await inFlight(ASKED_AT_ONCE, wanted, ({ right, name }) => isAllowed(api, right, name));
  return wanted.flatMap(({ right, name }, index): MissingRight[] => {
    if (allowed[index]) return [];
    const [rule] = roleRules([{ ...right, ...(name === undefined ? {} : { names: [name] }) }]);
    return [
      {
        right: describeRight(right, name),
        for: right.for,
        isWish: right.isWish ?? false,
        grant: JSON.stringify(rule),
      },
    ];
  });
}

async function isAllowed(api: KubeApi, right: Right, name: string | undefined): Promise<boolean> {
  const [resource, subresource] = right.resource.split('/') as [string, string?];
  const asked = {
    apiGroup: '',
    verb: 'create',
    resource: 'selfsubjectaccessreviews.authorization.k8s.io',
  } as const;
  const { status } = await api.ask(asked, () =>
    api.authorization.createSelfSubjectAccessReview({
      body: {
        spec: {
          resourceAttributes: {
            namespace: api.connection.namespace,
            group: right.apiGroup,
            verb: right.verb,
            resource,
            ...(subresource ? { subresource } : {}),
            ...(name === undefined ? {} : { name }),
          },
        },
      },
    }),
  );
  return status?.allowed ?? false;
}
