import type { KubeClient } from './client.ts';
import { keysOf, type Loose, read, write } from './object.ts';

const merge = (one: Loose, other: Loose): Loose =>
  Object.keys(other ?? {}).reduce(
    (sum, key) => ({ ...sum, [key]: merge(sum[key] ?? {}, other[key]) }),
    one ?? {},
  );

/** What of an object was written by kubectl's own commands, under their own names. */
export const kubectlEntries = (live: Loose): Loose[] =>
  (live.metadata.managedFields ?? []).filter(
    (it: Loose) => it.manager.startsWith('kubectl') && it.operation === 'Update' && !it.subresource,
  );

/**
 * What was written by kubectl becomes ours before an update, as the real provider has it (FixCSAFieldManagers): which is why a bare
 * `kubectl patch` is silently taken back, or deleted.
 */
export async function takeOverKubectl(client: KubeClient, live: Loose, manager: string): Promise<void> {
  const entries: Loose[] = live.metadata.managedFields ?? [];
  const theirs = kubectlEntries(live);
  if (theirs.length === 0) return;
  const isOurs = (it: Loose): boolean => it.manager === manager && it.operation === 'Apply';
  const ours = entries.find(isOurs) ?? { ...theirs[0], manager, operation: 'Apply' };
  const fieldsV1 = theirs.reduce((sum, it) => merge(sum, it.fieldsV1), ours.fieldsV1);
  const rest = entries.filter((it) => !theirs.includes(it) && !isOurs(it));
  const { path } = await client.pathOf(live);
  const { resourceVersion } = live.metadata;
  await client.api.patch(path, {
    metadata: { managedFields: [...rest, { ...ours, fieldsV1 }], resourceVersion },
  });
}

/**
 * The object to apply where changes of some fields are ignored (handleSSAIgnoreFields): a field that somebody else owns is left out, so
 * that it stays theirs; one that is ours keeps what stands.
 */
export function leaveIgnored(inputs: Loose, live: Loose, ignored: readonly string[], manager: string): Loose {
  const owners = (live.metadata.managedFields ?? []) as Loose[];
  return ignored.reduce((object: Loose, path) => {
    const keys = keysOf(path);
    const fields = keys.map((it) => `f:${it}`);
    const isTheirs = owners.some(
      (it) =>
        !(it.manager === manager && it.operation === 'Apply') && read(it.fieldsV1, fields) !== undefined,
    );
    return write(object, keys, isTheirs ? undefined : read(live, keys));
  }, inputs);
}
