import {
  emptyMemory,
  ensureBucket,
  type JetStreamReader,
  type JetStreamWriter,
  type KeyValueEntry,
  listKeys,
  OpsError,
  type PairMemory,
  readKey,
  STATE_BUCKET,
  writeKey,
} from '@aa-ops/topology';
import type { RunDocument } from './runDocument.ts';

/** Kept while a run is open, for an account that gets full in the middle of it: some ten documents and entries. */
const RESERVE_BYTES = 64 * 1024;

export interface JournalEntry {
  n: number;
  at: string;
  effect: string;
  phase: 'started' | 'done' | 'failed';
  data: unknown;
}

export interface LeaseRecord {
  /** New for every process that takes it. */
  token: string;
  operator: string;
  host: string;
  pid: number;
  command: string;
  since: string;
}

/**
 * Everything that is known of an environment between commands, in the KV bucket `aa-ops`, keys prefixed with the
 * topology's name: `open` (the id of the open run), `run.<id>`, `journal.<id>.<n>`, `memory`, `lease`, `reserve`.
 */
export class StateReader {
  protected readonly account: JetStreamReader;
  protected readonly prefix: string;

  constructor(account: JetStreamReader, topology: string) {
    this.account = account;
    this.prefix = `${topology}.`;
  }

  protected key(name: string): string {
    return `${this.prefix}${name}`;
  }

  protected async value<T>(name: string): Promise<T | undefined> {
    return (await readKey<T>(this.account, STATE_BUCKET, this.key(name)))?.value;
  }

  /** The run that has begun and not ended, if there is one. */
  async openRun(): Promise<RunDocument | undefined> {
    const id = (await this.value<{ run: string | null }>('open'))?.run;
    return id ? this.run(id) : undefined;
  }

  run(id: string): Promise<RunDocument | undefined> {
    return this.value<RunDocument>(`run.${id}`);
  }

  /** Every run, the oldest first: ids begin with their time. */
  async runs(): Promise<RunDocument[]> {
    const keys = await listKeys(this.account, STATE_BUCKET, this.key('run.'));
    const runs = await Promise.all(keys.map((key) => readKey<RunDocument>(this.account, STATE_BUCKET, key)));
    return runs.flatMap((entry) => (entry ? [entry.value] : []));
  }

  async journal(run: string): Promise<JournalEntry[]> {
    const keys = await listKeys(this.account, STATE_BUCKET, this.key(`journal.${run}.`));
    const entries = await Promise.all(
      keys.map((key) => readKey<JournalEntry>(this.account, STATE_BUCKET, key)),
    );
    return entries.flatMap((entry) => (entry ? [entry.value] : []));
  }

  async memory(): Promise<PairMemory> {
    return (await this.value<PairMemory>('memory')) ?? emptyMemory();
  }

  lease(): Promise<KeyValueEntry<LeaseRecord | null> | undefined> {
    return readKey<LeaseRecord | null>(this.account, STATE_BUCKET, this.key('lease'));
  }
}

export class StateStore extends StateReader {
  private readonly writer: JetStreamWriter;

  private constructor(account: JetStreamWriter, topology: string) {
    super(account, topology);
    this.writer = account;
  }

  /** Opens the state of a topology; makes the bucket where it is not there yet. */
  static async open(
    account: JetStreamWriter,
    topology: { name: string; environment: { replicas: number } },
  ): Promise<StateStore> {
    await ensureBucket(account, STATE_BUCKET, topology.environment.replicas);
    return new StateStore(account, topology.name);
  }

  /** Where nothing can be stored any more, the reserve makes room: a run has to be able to say what it takes back. */
  private async put(name: string, value: unknown, expected?: number): Promise<number> {
    const write = (): Promise<number> => writeKey(this.writer, STATE_BUCKET, this.key(name), value, expected);
    try {
      return await write();
    } catch (error) {
      if (!(error instanceof OpsError) || error.code !== 'state-unwritable') throw error;
      await this.setReserve(0).catch(() => {}); // the first error is the one to tell
      return write();
    }
  }

  private async setReserve(bytes: number): Promise<void> {
    const key = this.key('reserve');
    await writeKey(this.writer, STATE_BUCKET, key, { room: '.'.repeat(bytes) });
  }

  async saveRun(run: RunDocument): Promise<void> {
    await this.put(`run.${run.id}`, run);
  }

  /** The document first: whoever reads the pointer finds it. */
  async openNewRun(run: RunDocument): Promise<void> {
    await this.saveRun(run);
    await this.setReserve(RESERVE_BYTES);
    await this.put('open', { run: run.id });
  }

  async closeRun(run: RunDocument): Promise<void> {
    await this.saveRun(run);
    await this.put('open', { run: null });
    await this.setReserve(0);
  }

  async saveMemory(memory: PairMemory): Promise<void> {
    await this.put('memory', memory);
  }

  async appendEntry(run: string, entry: JournalEntry): Promise<void> {
    await this.put(`journal.${run}.${String(entry.n).padStart(6, '0')}`, entry);
  }

  /** Compare-and-set; answers the new revision, or throws OpsError `state-conflict`. */
  writeLease(lease: LeaseRecord | null, expected: number): Promise<number> {
    return this.put('lease', lease, expected);
  }
}
