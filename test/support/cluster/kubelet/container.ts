import type { ChildProcess } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { ApiClient, Json } from '../api.ts';
import { type ContainerLog, keepLog } from './containerLog.ts';
import { ConfigError, environmentOf, expand } from './environment.ts';
import { type ProbeWatch, watchProbe } from './probes.ts';
import { killAllIn, mountNamespaceOf, type Sandbox, startContainer } from './sandbox.ts';
import { mountsOf } from './volumes.ts';

/** What a pod's containers share. */
export interface PodSurroundings {
  api: ApiClient;
  pod: Json;
  sandbox: Sandbox;
  /** Folder of this pod on the machine: logs, roots, volumes. */
  folder: string;
  /** The folder of an image, or undefined: it cannot be pulled. */
  imageFolder(image: string): string | undefined;
  hosts(): string[];
  apiServer: { host: string; port: string };
  onChange(): void;
  onEvent(type: 'Normal' | 'Warning', reason: string, message: string): void;
}

/** Behind the first restart, which comes at once. Real kubelets wait 10 s and double it up to 5 minutes; here a test waits for it. */
const BACK_OFF_MS = { first: 500, longest: 8_000 };

/** One container of a pod over all its restarts: the status that the API server is told, and how to end it. */
export class Container {
  status: Json;
  private readonly around: PodSurroundings;
  private readonly spec: Json;
  private process: ChildProcess | undefined;
  private probes: ProbeWatch[] = [];
  /** How often it was started, in all, and since it last ran for long. */
  private starts = 0;
  private failures = 0;
  private timer: NodeJS.Timeout | undefined;
  private restarting = false;
  private ending = false;
  private gone: Promise<void> = Promise.resolve();

  constructor(around: PodSurroundings, spec: Json) {
    this.around = around;
    this.spec = spec;
    const { name, image } = spec;
    const state = { waiting: { reason: 'ContainerCreating' } };
    this.status = {
      name,
      image,
      imageID: '',
      restartCount: 0,
      ready: false,
      started: false,
      state,
      lastState: {},
    };
  }

  get running(): boolean {
    return this.process !== undefined;
  }

  /** It ended and will not come back. */
  get finished(): Json {
    return this.restarting || this.running ? undefined : this.status.state.terminated;
  }

  /** Of its newest process, or of the one that ended last: the same file while it waits for its restart. */
  log(previous: boolean): ContainerLog | undefined {
    const newest = this.starts - 1;
    const wanted = previous && !this.status.state.waiting ? newest - 1 : newest;
    if (wanted < 0) return undefined;
    return { file: this.logFileOf(wanted), grows: () => this.running && this.starts - 1 === wanted };
  }

  private logFileOf(start: number): string {
    return join(this.around.folder, 'logs', `${this.spec.name}.${start}.log`);
  }

  async start(): Promise<void> {
    this.timer = undefined;
    if (this.ending) return;
    try {
      await this.run();
    } catch (error) {
      const { message } = error as Error;
      const reason = error instanceof ImageError ? 'ImagePullBackOff' : 'CreateContainerConfigError';
      if (this.status.state.waiting?.reason !== reason)
        this.around.onEvent('Warning', 'Failed', `Error: ${message}`);
      this.status.state = { waiting: { reason, message } };
      this.around.onChange();
      this.later(1_000);
    }
  }

  private async run(): Promise<void> {
    const { pod, folder, sandbox, api } = this.around;
    const imageFolder = this.around.imageFolder(this.spec.image);
    if (!imageFolder) {
      throw new ImageError(`Back-off pulling image "${this.spec.image}": not found`);
    }
    const declared = await environmentOf(api, pod, this.spec, sandbox.ip);
    const security = { ...pod.spec.securityContext, ...this.spec.securityContext };
    if (security.runAsNonRoot && !security.runAsUser)
      throw new ConfigError('container has runAsNonRoot and image will run as root');
    const rootFolder = join(folder, 'roots', `${this.spec.name}.${this.starts}`);
    await mkdir(rootFolder, { recursive: true });
    await mkdir(join(folder, 'logs'), { recursive: true });
    const command = [...(this.spec.command ?? []), ...(this.spec.args ?? [])].map((it: string) =>
      expand(it, declared),
    );
    if (command.length === 0) throw new ConfigError('no command specified: folders have no entrypoint');
    if (this.ending) return;
    const child = startContainer(sandbox, {
      command,
      env: this.environment(declared),
      workingDir: this.spec.workingDir ?? '/app',
      imageFolder,
      rootFolder,
      mounts: mountsOf(this.spec, join(folder, 'volumes')),
      hosts: this.around.hosts(),
      readOnlyRoot: security.readOnlyRootFilesystem ?? false,
      ...(security.runAsUser && process.getuid?.() === 0
        ? { runAs: { uid: security.runAsUser, gid: security.runAsGroup ?? security.runAsUser } }
        : {}),
    });
    this.follow(child);
  }

  private environment(declared: Record<string, string>): Record<string, string> {
    return {
      PATH: process.env['PATH'] ?? '/usr/bin:/bin',
      HOME: '/',
      HOSTNAME: this.around.pod.metadata.name,
      KUBERNETES_SERVICE_HOST: this.around.apiServer.host,
      KUBERNETES_SERVICE_PORT: this.around.apiServer.port,
      ...declared,
    };
  }

  private follow(child: ChildProcess): void {
    this.process = child;
    const startedAt = new Date().toISOString();
    const namespace = mountNamespaceOf(child);
    keepLog(this.logFileOf(this.starts), [child.stdout!, child.stderr!]);
    this.restarting = false;
    this.status.restartCount = this.starts++;
    this.status.state = { running: { startedAt } };
    this.status.containerID = `process://${child.pid}`;
    this.status.started = !this.spec.startupProbe;
    this.status.ready = !this.spec.readinessProbe && this.status.started;
    this.around.onEvent('Normal', 'Started', `Started container ${this.spec.name}`);
    this.around.onChange();
    this.watchProbes();
    const closed = new Promise((done) => child.once('close', done));
    this.gone = new Promise((gone) => {
      const end = async (code: number | null, signal: NodeJS.Signals | null) => {
        killAllIn(await namespace);
        await Promise.race([closed, pause(1_000)]); // what it said last is in its log before its end is told
        this.ended(startedAt, code, signal);
        gone();
      };
      child.once('error', () => void end(128, null)).once('exit', (...how) => void end(...how));
    });
  }

  private watchProbes(): void {
    const { startupProbe, livenessProbe, readinessProbe, ports = [] } = this.spec;
    const { ip } = this.around.sandbox;
    const afterStart = () => {
      if (readinessProbe)
        this.probes.push(watchProbe(readinessProbe, ip, ports, (ok, message) => this.setReady(ok, message)));
      if (livenessProbe)
        this.probes.push(
          watchProbe(livenessProbe, ip, ports, (ok, message) => ok || this.unhealthy('Liveness', message)),
        );
    };
    if (!startupProbe) return afterStart();
    const starting = watchProbe(startupProbe, ip, ports, (ok, message) => {
      starting.stop();
      if (!ok) return this.unhealthy('Startup', message);
      this.status.started = true;
      this.setReady(!readinessProbe, '');
      afterStart();
    });
    this.probes.push(starting);
  }

  private setReady(ready: boolean, message: string): void {
    if (!ready && message) this.around.onEvent('Warning', 'Unhealthy', `Readiness probe failed: ${message}`);
    this.status.ready = ready;
    this.around.onChange();
  }

  private unhealthy(kind: string, message: string): void {
    this.around.onEvent('Warning', 'Unhealthy', `${kind} probe failed: ${message}`);
    const { name } = this.spec;
    this.around.onEvent(
      'Normal',
      'Killing',
      `Container ${name} failed ${kind.toLowerCase()} probe, will be restarted`,
    );
    const graceMs = (this.around.pod.spec.terminationGracePeriodSeconds ?? 30) * 1000;
    const deadline = setTimeout(() => this.signal('SIGKILL'), graceMs);
    this.signal('SIGTERM');
    void this.gone.then(() => clearTimeout(deadline));
  }

  private ended(startedAt: string, code: number | null, signal: NodeJS.Signals | null): void {
    this.process = undefined;
    for (const probe of this.probes.splice(0)) probe.stop();
    const exitCode = code ?? (signal === 'SIGKILL' ? 137 : 143);
    const finishedAt = new Date().toISOString();
    const terminated = { exitCode, reason: exitCode === 0 ? 'Completed' : 'Error', startedAt, finishedAt };
    this.status.ready = false;
    this.status.started = false;
    this.status.state = { terminated };
    const policy = this.around.pod.spec.restartPolicy ?? 'Always';
    if (!this.ending && (policy === 'Always' || (policy === 'OnFailure' && exitCode !== 0)))
      this.restart(terminated);
    this.around.onChange();
  }

  private restart(terminated: Json): void {
    const ranMs = Date.parse(terminated.finishedAt) - Date.parse(terminated.startedAt);
    if (ranMs >= 2 * BACK_OFF_MS.longest) this.failures = 0;
    const wait = Math.min(BACK_OFF_MS.first * 2 ** (this.failures++ - 1), BACK_OFF_MS.longest);
    const { name } = this.spec;
    this.restarting = true;
    this.status.lastState = { terminated };
    if (this.failures === 1) return this.later(0);
    const message = `back-off ${wait / 1000}s restarting failed container=${name} pod=${this.around.pod.metadata.name}`;
    this.status.state = { waiting: { reason: 'CrashLoopBackOff', message } };
    this.around.onEvent('Warning', 'BackOff', `Back-off restarting failed container ${name}`);
    this.later(wait);
  }

  private later(ms: number): void {
    clearTimeout(this.timer);
    if (!this.ending) this.timer = setTimeout(() => void this.start(), ms);
  }

  private signal(signal: NodeJS.Signals): void {
    this.process?.kill(signal);
  }

  /** preStop's sleep, SIGTERM, and after `graceMs` SIGKILL. */
  async end(graceMs: number): Promise<void> {
    this.ending = true;
    this.restarting = false;
    clearTimeout(this.timer);
    this.timer = undefined;
    if (!this.process) return;
    const deadline = setTimeout(() => this.signal('SIGKILL'), graceMs);
    const sleep = this.spec.lifecycle?.preStop?.sleep?.seconds;
    if (sleep)
      await Promise.race([
        this.gone,
        new Promise((slept) => setTimeout(slept, Math.min(sleep * 1000, graceMs))),
      ]);
    this.signal('SIGTERM');
    await this.gone;
    clearTimeout(deadline);
  }
}

class ImageError extends Error {}
