import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ApiClient, Json } from '../api.ts';
import { ConfigError, configMapData, secretData } from './environment.ts';
import type { ContainerSpec } from './containerRoot.ts';

/** Writes a pod's volumes under `folder`, each in a folder of its name: emptyDir, configMap, secret, projected, downwardAPI-free. */
export async function writeVolumes(api: ApiClient, pod: Json, folder: string, ca: string): Promise<void> {
  for (const volume of pod.spec.volumes ?? []) {
    const into = join(folder, volume.name);
    await mkdir(into, { recursive: true });
    await chmod(into, 0o777); // for whatever account the container runs as
    const { namespace } = pod.metadata;
    const sources = volume.projected?.sources ?? [volume];
    for (const source of sources) await writeSource(api, pod, namespace, source, into, ca);
  }
}

async function writeSource(
  api: ApiClient,
  pod: Json,
  namespace: string,
  source: Json,
  into: string,
  ca: string,
): Promise<void> {
  if (source.emptyDir) return;
  if (source.configMap) {
    const { name, items, optional } = source.configMap;
    // Every namespace has this one a moment after its first pod: the CA is known here.
    const data =
      name === 'kube-root-ca.crt'
        ? { 'ca.crt': ca }
        : await configMapData(api, namespace, { name, optional });
    return writeFiles(into, data, items);
  }
  if (source.secret) {
    const { name, secretName, items, optional } = source.secret;
    return writeFiles(into, await secretData(api, namespace, { name: name ?? secretName, optional }), items);
  }
  if (source.serviceAccountToken) {
    const { path, audience, expirationSeconds } = source.serviceAccountToken;
    const token = await tokenFor(api, pod, audience, expirationSeconds);
    return writeFiles(into, { [path]: token });
  }
  if (source.downwardAPI) {
    const items = source.downwardAPI.items as { path: string; fieldRef: { fieldPath: string } }[];
    const fields: Record<string, string> = {
      'metadata.namespace': namespace,
      'metadata.name': pod.metadata.name,
    };
    return writeFiles(
      into,
      Object.fromEntries(items.map((it) => [it.path, fields[it.fieldRef.fieldPath] ?? ''])),
    );
  }
  throw new ConfigError(
    `this kubelet knows no volume of ${Object.keys(source)
      .filter((it) => it !== 'name')
      .join()}`,
  );
}

async function writeFiles(
  into: string,
  data: Record<string, string>,
  items?: { key: string; path: string }[],
): Promise<void> {
  const files = items ? items.map(({ key, path }) => [path, data[key] ?? ''] as const) : Object.entries(data);
  for (const [path, content] of files) {
    const file = join(into, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, content, { mode: 0o644 });
  }
}

/** A real token of the pod's service account, bound to the pod. */
async function tokenFor(
  api: ApiClient,
  pod: Json,
  audience?: string,
  expirationSeconds = 3607,
): Promise<string> {
  const { namespace, name, uid } = pod.metadata;
  const account = pod.spec.serviceAccountName ?? 'default';
  const { status } = await api.post(`/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`, {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: {
      expirationSeconds,
      ...(audience ? { audiences: [audience] } : {}),
      boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid },
    },
  });
  return status.token;
}

/** Where a container sees the pod's volumes. */
export const mountsOf = (container: Json, folder: string): ContainerSpec['mounts'] =>
  (container.volumeMounts ?? []).map((it: Json) => ({
    source: join(folder, it.name, it.subPath ?? ''),
    path: it.mountPath,
    readOnly: it.readOnly ?? false,
  }));
