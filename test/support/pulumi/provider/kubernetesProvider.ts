import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { ApiError } from '../../cluster/api.ts';
import { type KubeClient, openClient, type ProviderConfig } from './client.ts';
import { neverReady } from './failure.ts';
import { kubectlEntries, leaveIgnored, takeOverKubectl } from './fieldOwners.ts';
import { differences, hasUnknowns, type Loose, prune } from './object.ts';
import { awaitReady, verdictOf } from './ready.ts';
import { replacing } from './replaces.ts';

/** What a change means for a resource. */
export interface DiffResult {
  changes: { path: string; kind: 'add' | 'delete' | 'update' }[];
  replaces: string[];
  deleteBeforeReplace: boolean;
}

/** s; the real provider waits as long. */
const DEFAULT_TIMEOUT = 600;
const FIELD_MANAGER = '__fieldManager';

/**
 * What pulumi-kubernetes does with objects in its server-side-apply mode, re-implemented for tests against a real API server: field
 * managers, conflicts, ignoreChanges, replacement, adoption, waiting. Its sources are what it was written from; it is not it.
 */
export class KubernetesProvider {
  private readonly config: ProviderConfig;
  private client: KubeClient | undefined;

  constructor(config: ProviderConfig) {
    this.config = config;
  }

  /** Opened when it is first used: a preview need not reach what it does not ask. */
  private get kube(): KubeClient {
    return (this.client ??= openClient(this.config));
  }

  /** Names are the program's: none is made up here. */
  check(news: Loose): { inputs: Loose; failures: string[] } {
    if (!news.metadata?.name) return { inputs: news, failures: ['metadata.name is not set'] };
    const namespace = news.metadata.namespace ?? this.config.namespace;
    const isClusterWide = /^(Namespace|ClusterRole|ClusterRoleBinding|CustomResourceDefinition)$/.test(
      news.kind,
    );
    const metadata = isClusterWide || !namespace ? news.metadata : { ...news.metadata, namespace };
    return { inputs: { ...news, metadata }, failures: [] };
  }

  /** Between what the state holds of the object, where the program had said something, and what it says now. */
  diff(olds: Loose, oldInputs: Loose, news: Loose, ignored: readonly string[]): DiffResult {
    const base = prune(olds, oldInputs) ?? {};
    const isIgnored = (path: string): boolean =>
      ignored.some((it) => path === it || path.startsWith(`${it}.`) || path.startsWith(`${it}[`));
    const changes = differences(base, news).filter((it) => !isIgnored(it.path));
    const settings = { enableConfigMapMutable: this.config.enableConfigMapMutable === 'true' };
    const replaces = replacing(
      settings,
      news,
      changes.map(({ path }) => path),
    );
    // A Job that never completed is run again where it asks for that.
    const wantsReady = news.metadata?.annotations?.['pulumi.com/replaceUnready'] === 'true';
    const isUnready = news.kind === 'Job' && wantsReady && verdictOf(olds) !== undefined;
    if (isUnready) {
      const path = 'metadata.annotations["pulumi.com/replaceUnready"]';
      changes.push({ path, kind: 'update' });
      replaces.push(path);
    }
    const isSameName =
      olds.metadata?.name === news.metadata?.name && olds.metadata?.namespace === news.metadata?.namespace;
    return { changes, replaces, deleteBeforeReplace: replaces.length > 0 && isSameName };
  }

  async create(inputs: Loose, preview: boolean, timeout: number): Promise<{ id: string; outputs: Loose }> {
    const id = idOf(inputs);
    if (preview && hasUnknowns(inputs)) return { id, outputs: inputs };
    const manager = `pulumi-kubernetes-${randomBytes(4).toString('hex')}`;
    const stands = this.config.upsertExistingObjects !== 'true' && (await this.kube.find(inputs));
    // In a preview that may be what this one replaces.
    if (stands && preview) return { id, outputs: inputs };
    if (stands) throw new Error(`resource "${id}" was not created: it exists already in the cluster`);
    const made = await this.apply(inputs, manager, preview);
    if (preview) return { id, outputs: outputsOf(made, manager, inputs) };
    return { id, outputs: await this.settle(made, manager, inputs, timeout) };
  }

  async update(
    olds: Loose,
    inputs: Loose,
    ignored: readonly string[],
    preview: boolean,
    timeout: number,
  ): Promise<Loose> {
    if (preview && hasUnknowns(inputs)) return inputs;
    const manager = olds[FIELD_MANAGER] as string;
    let live = await this.kube.find(inputs);
    if (!live) throw new Error(`${idOf(inputs)} is not there any more: run pulumi refresh`);
    if (!preview) {
      await takeOverKubectl(this.kube, live, manager);
      live = await this.kube.find(inputs);
    }
    const object = leaveIgnored(inputs, live, ignored, manager);
    // A preview takes nothing over: it looks at what would come of it.
    const isKubectls = preview && kubectlEntries(live).length > 0;
    const made = await this.apply(object, manager, preview, isKubectls);
    return preview ? outputsOf(made, manager, inputs) : this.settle(made, manager, inputs, timeout);
  }

  /** The object as it stands and what the program had said of it, as it stands; undefined: it is gone. Of one to import, all of it was said. */
  async read(
    id: string,
    type: string,
    olds: Loose,
    oldInputs: Loose,
  ): Promise<{ inputs: Loose; outputs: Loose } | undefined> {
    const isImport = !oldInputs?.kind && !olds?.kind;
    const shape = isImport ? kindOf(type) : oldInputs?.kind ? oldInputs : olds;
    const live = await this.kube.find({ ...shape, metadata: { ...shape.metadata, ...namesOf(id) } });
    if (!live) return undefined;
    const manager =
      (olds[FIELD_MANAGER] as string | undefined) ?? `pulumi-kubernetes-${randomBytes(4).toString('hex')}`;
    const inputs = isImport ? saidOf(live) : prune(live, shape);
    return { inputs, outputs: outputsOf(live, manager, shape) };
  }

  async delete(olds: Loose, timeout: number): Promise<void> {
    const { path } = await this.kube.pathOf(olds);
    const isGone = async (): Promise<boolean> => (await this.kube.find(olds)) === undefined;
    await this.kube.api.delete(path, { propagationPolicy: 'Foreground' }).catch((error: unknown) => {
      if (!(error instanceof ApiError && error.status === 404)) throw error;
    });
    const deadline = performance.now() + (timeout || DEFAULT_TIMEOUT) * 1000;
    while (!(await isGone())) {
      if (performance.now() > deadline) throw new Error(`${idOf(olds)} is still there`);
      await pause(200);
    }
  }

  private async apply(object: Loose, manager: string, preview: boolean, force = false): Promise<Loose> {
    const { path } = await this.kube.pathOf(object);
    const query = `fieldManager=${manager}${preview ? '&dryRun=All' : ''}${force ? '&force=true' : ''}`;
    return this.kube.api.patch(`${path}?${query}`, object, 'apply');
  }

  private async settle(made: Loose, manager: string, inputs: Loose, timeout: number): Promise<Loose> {
    const { live, problem } = await awaitReady(this.kube, made, (timeout || DEFAULT_TIMEOUT) * 1000);
    const outputs = outputsOf(live, manager, inputs);
    if (problem) throw neverReady(idOf(live), outputs, inputs, problem);
    return outputs;
  }
}

const idOf = ({ metadata }: Loose): string =>
  metadata.namespace ? `${metadata.namespace}/${metadata.name}` : metadata.name;

/** `kubernetes:apps/v1:Deployment`, as an object has it. */
function kindOf(type: string): Loose {
  const [, version = '', kind] = type.split(':');
  return { apiVersion: version.replace(/^core\//, ''), kind };
}

/** What somebody may have said of an object: without what the server adds by itself. */
function saidOf({ status: _status, ...live }: Loose): Loose {
  const { name, namespace, labels, annotations } = live.metadata;
  return { ...live, metadata: { name, namespace, labels, annotations } };
}

function namesOf(id: string): { name: string; namespace?: string } {
  const [first, second] = id.split('/') as [string, string?];
  return second ? { namespace: first, name: second } : { name: first };
}

/**
 * What goes into the state: the object as it stands, without the server's book-keeping of owners. Never the inputs: they would bring a
 * Secret's text with them.
 */
function outputsOf(live: Loose, manager: string, inputs: Loose): Loose {
  const { managedFields: _owners, ...metadata } = live.metadata;
  // A Secret's values are the cluster's: the state knows that there are some.
  const isSecret = inputs.kind === 'Secret';
  return {
    ...live,
    metadata,
    ...(isSecret ? { data: {}, stringData: undefined } : {}),
    [FIELD_MANAGER]: manager,
  };
}
