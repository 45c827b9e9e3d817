import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ApiError, type Json } from '../api.ts';
import { Container, type PodSurroundings } from './container.ts';
import type { ContainerLog } from './containerLog.ts';
import { openSandbox, type Sandbox } from './sandbox.ts';
import { writeVolumes } from './volumes.ts';

export type Surroundings = Omit<PodSurroundings, 'pod' | 'sandbox' | 'folder' | 'onChange' | 'onEvent'> & {
  folder: string;
  ca: string;
};

/** One pod from its binding to its end: containers, status, graceful stop. */
export class PodWorker {
  private readonly around: Surroundings;
  private pod: Json;
  private containers: Container[] = [];
  private sandbox: Sandbox | undefined;
  private started: Promise<void>;
  private ending: Promise<void> | undefined;
  private telling = Promise.resolve();
  private told = '';
  private readonly startTime = new Date().toISOString();
  private events = 0;
  private readonly transitions = new Map<string, { status: string; at: string }>();

  constructor(around: Surroundings, pod: Json) {
    this.around = around;
    this.pod = pod;
    this.started = this.start();
  }

  private get path(): string {
    return `/api/v1/namespaces/${this.pod.metadata.namespace}/pods/${this.pod.metadata.name}`;
  }

  private get folder(): string {
    return join(this.around.folder, this.pod.metadata.uid);
  }

  private async start(): Promise<void> {
    await mkdir(this.folder, { recursive: true });
    this.sandbox = await this.untilSandbox();
    if (!this.sandbox) return;
    const shared: PodSurroundings = {
      ...this.around,
      pod: this.pod,
      sandbox: this.sandbox,
      folder: this.folder,
      onChange: () => this.tell(),
      onEvent: (...event) => this.event(...event),
    };
    this.containers = this.pod.spec.containers.map((spec: Json) => new Container(shared, spec));
    this.tell();
    await this.untilVolumes();
    await Promise.all(this.containers.map((it) => it.start()));
  }

  private async untilSandbox(): Promise<Sandbox | undefined> {
    while (!this.ending) {
      try {
        return await openSandbox();
      } catch (error) {
        this.event(
          'Warning',
          'FailedCreatePodSandBox',
          `Failed to create pod sandbox: ${(error as Error).message}`,
        );
        await new Promise((again) => setTimeout(again, 1_000));
      }
    }
    return undefined;
  }

  // A ConfigMap that a volume needs may come later; meanwhile the pod waits, as it would.
  private async untilVolumes(): Promise<void> {
    while (!this.ending) {
      try {
        return await writeVolumes(this.around.api, this.pod, join(this.folder, 'volumes'), this.around.ca);
      } catch (error) {
        this.event('Warning', 'FailedMount', `MountVolume.SetUp failed: ${(error as Error).message}`);
        await new Promise((again) => setTimeout(again, 1_000));
      }
    }
  }

  /** A newer version of the pod's object; with a deletionTimestamp it is ended. */
  update(pod: Json): void {
    this.pod = pod;
    if (pod.metadata.deletionTimestamp) void this.end((pod.metadata.deletionGracePeriodSeconds ?? 30) * 1000);
  }

  /** Ends its containers and removes it from the API server; the same promise for everyone who asks. */
  end(graceMs: number): Promise<void> {
    return (this.ending ??= (async () => {
      await this.started.catch(() => {});
      await Promise.all(this.containers.map((it) => it.end(graceMs)));
      this.tell();
      await this.telling;
      this.sandbox?.close();
      // A DELETE with a body ignores query parameters.
      await this.around.api
        .delete(this.path, { gracePeriodSeconds: 0, preconditions: { uid: this.pod.metadata.uid } })
        .catch(() => {});
      await rm(this.folder, { recursive: true, force: true }).catch(() => {});
    })());
  }

  /** The log of one container; undefined: there is none. */
  log(container: string | undefined, previous: boolean): ContainerLog | undefined {
    return this.containers.find(({ status }) => !container || status.name === container)?.log(previous);
  }

  isCalled(namespace: string, name: string): boolean {
    return this.pod.metadata.namespace === namespace && this.pod.metadata.name === name;
  }

  // One at a time and the newest only: what a slow API server missed is in the next.
  private tell(): void {
    this.telling = this.telling.then(async () => {
      const status = this.status();
      const text = JSON.stringify(status);
      if (text === this.told) return;
      for (let tries = 0; tries < 600; tries++) {
        try {
          await this.around.api.patch(`${this.path}/status`, { status });
          this.told = text;
          return;
        } catch (error) {
          if (error instanceof ApiError && error.status === 404) return;
          await new Promise((again) => setTimeout(again, 100));
        }
      }
    });
  }

  private status(): Json {
    const containerStatuses = this.containers.map((it) => structuredClone(it.status));
    const allReady = containerStatuses.length > 0 && containerStatuses.every((it) => it.ready);
    const ends = this.containers.map((it) => it.finished).filter(Boolean);
    const over = this.containers.length > 0 && ends.length === this.containers.length;
    const phase = over
      ? ends.every((it) => it.exitCode === 0)
        ? 'Succeeded'
        : 'Failed'
      : containerStatuses.some((it) => it.state.running || it.restartCount > 0)
        ? 'Running'
        : 'Pending';
    const at = new Date().toISOString();
    const condition = (type: string, ok: boolean, reason?: string) => {
      const status = ok ? 'True' : 'False';
      if (this.transitions.get(type)?.status !== status) this.transitions.set(type, { status, at });
      const lastTransitionTime = this.transitions.get(type)!.at;
      return { type, status, lastTransitionTime, ...(reason && !ok ? { reason } : {}) };
    };
    return {
      phase,
      startTime: this.startTime,
      hostIP: '127.0.0.1',
      ...(this.sandbox ? { podIP: this.sandbox.ip, podIPs: [{ ip: this.sandbox.ip }] } : {}),
      containerStatuses,
      conditions: [
        condition('PodScheduled', true),
        condition('Initialized', true),
        condition('ContainersReady', allReady, 'ContainersNotReady'),
        condition('Ready', allReady, 'ContainersNotReady'),
      ],
    };
  }

  private event(type: string, reason: string, message: string): void {
    const { namespace, name, uid } = this.pod.metadata;
    const at = new Date().toISOString();
    const event = {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: `${name}.${Date.now().toString(16)}${++this.events}`, namespace },
      involvedObject: { apiVersion: 'v1', kind: 'Pod', namespace, name, uid },
      type,
      reason,
      message,
      count: 1,
      firstTimestamp: at,
      lastTimestamp: at,
      source: { component: 'kubelet', host: this.pod.spec.nodeName },
    };
    void this.around.api.post(`/api/v1/namespaces/${namespace}/events`, event).catch(() => {});
  }
}
