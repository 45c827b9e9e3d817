import { ApiError, type ApiClient, type Json } from '../api.ts';

/** What a container cannot start without is missing: the kubelet's CreateContainerConfigError. */
export class ConfigError extends Error {}

/** A container's environment: envFrom, then env with its references and `$(NAME)`, as the API's documentation has it. */
export async function environmentOf(
  api: ApiClient,
  pod: Json,
  container: Json,
  podIp: string,
): Promise<Record<string, string>> {
  const { namespace } = pod.metadata as { namespace: string };
  const env: Record<string, string> = {};
  for (const source of container.envFrom ?? []) {
    const data = source.configMapRef
      ? await configMapData(api, namespace, source.configMapRef)
      : await secretData(api, namespace, source.secretRef);
    for (const [key, value] of Object.entries(data)) env[`${source.prefix ?? ''}${key}`] = value;
  }
  for (const { name, value, valueFrom } of container.env ?? []) {
    const found = valueFrom ? await referred(api, pod, valueFrom, podIp) : expand(value ?? '', env);
    if (found !== undefined) env[name] = found;
  }
  return env;
}

/** `$(NAME)` becomes the variable's value, `$$(NAME)` stays `$(NAME)`, an unknown name stays as it is. */
export const expand = (text: string, env: Record<string, string>): string =>
  text.replace(/\$?\$\(([^)]+)\)/g, (whole, name: string) =>
    whole.startsWith('$$') ? whole.slice(1) : (env[name] ?? whole),
  );

interface Reference {
  name: string;
  key?: string;
  optional?: boolean;
}

async function referred(api: ApiClient, pod: Json, from: Json, podIp: string): Promise<string | undefined> {
  const { namespace } = pod.metadata;
  if (from.configMapKeyRef) {
    return keyOf(
      'configmap',
      from.configMapKeyRef,
      await configMapData(api, namespace, from.configMapKeyRef),
    );
  }
  if (from.secretKeyRef) {
    return keyOf('secret', from.secretKeyRef, await secretData(api, namespace, from.secretKeyRef));
  }
  return fieldOf(pod, from.fieldRef?.fieldPath ?? '', podIp);
}

function keyOf(
  kind: string,
  { name, key, optional }: Reference,
  data: Record<string, string>,
): string | undefined {
  const value = data[key!];
  if (value === undefined && !optional) throw new ConfigError(`couldn't find key ${key} in ${kind} ${name}`);
  return value;
}

function fieldOf(pod: Json, path: string, podIp: string): string {
  const inMap = /^metadata\.(labels|annotations)\['(.+)'\]$/.exec(path);
  if (inMap) return pod.metadata[inMap[1]!]?.[inMap[2]!] ?? '';
  const fields: Record<string, string> = {
    'metadata.name': pod.metadata.name,
    'metadata.namespace': pod.metadata.namespace,
    'metadata.uid': pod.metadata.uid,
    'spec.nodeName': pod.spec.nodeName,
    'spec.serviceAccountName': pod.spec.serviceAccountName,
    'status.podIP': podIp,
    'status.hostIP': '127.0.0.1',
  };
  const value = fields[path];
  if (value === undefined) throw new ConfigError(`this kubelet knows no fieldPath ${path}`);
  return value;
}

/** The data of a ConfigMap; empty where it may be missing and is. */
export async function configMapData(
  api: ApiClient,
  namespace: string,
  ref: Reference,
): Promise<Record<string, string>> {
  const found = await find(api, namespace, 'configmaps', ref);
  return found?.data ?? {};
}

/** The data of a Secret, decoded. */
export async function secretData(
  api: ApiClient,
  namespace: string,
  ref: Reference,
): Promise<Record<string, string>> {
  const found = await find(api, namespace, 'secrets', ref);
  const encoded = Object.entries((found?.data ?? {}) as Record<string, string>);
  return Object.fromEntries(encoded.map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]));
}

async function find(
  api: ApiClient,
  namespace: string,
  kind: string,
  { name, optional }: Reference,
): Promise<Json> {
  try {
    return await api.get(`/api/v1/namespaces/${namespace}/${kind}/${name}`);
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 404) throw error;
    if (optional) return undefined;
    throw new ConfigError(`${kind.slice(0, -1)} "${name}" not found`);
  }
}
