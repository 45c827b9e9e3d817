import {
  DEFAULT_PATIENCE_MS,
  emptyMemory,
  ensureBucket,
  isPassing,
  type JetStreamReader,
  type JetStreamWriter,
  type KeyValueEntry,
  listKeys,
  OpsError,
  type PairMemory,
  patiently,
  readKey,
  STATE_BUCKET,
  writeKey,
} from '@aa-ops/topology';
import { isConflict } from './heldKey.ts';
import { type Lease, leaseLost } from './lease.ts';
import type { ProcessIdentity } from './processIdentity.ts';
import type { RunDocument } from './runDocument.ts';
import { checkState, danglingRun } from './stateValues.ts';

/** Kept while a run is open, for an account that gets full in the middle of it: some ten documents and entries. */
const RESERVE_BYTES = 64 * 1024;

export interface JournalEntry {
  n: number;
  at: string;
  effect: string;
  phase: 'started' | 'done' | 'failed';
  data: unknown;
}

export interface LeaseRecord extends ProcessIdentity {
  /** New for every process that takes it. */
  token: string;
  operator: string;
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

  /** What stands there, looked at: a value that is not what this version writes is refused. */
  protected async entry<T>(name: string): Promise<KeyValueEntry<T> | undefined> {
    const found = await readKey<T>(this.account, STATE_BUCKET, this.key(name));
    if (found) checkState(this.key(name), name, found.value);
    return found;
  }

  private async list<T>(begin: string): Promise<T[]> {
    const keys = await listKeys(this.account, STATE_BUCKET, this.key(begin));
    const entries = await Promise.all(keys.map((key) => this.entry<T>(key.slice(this.prefix.length))));
    return entries.flatMap((entry) => (entry ? [entry.value] : []));
  }

  /**
   * The run that has begun and not ended, if there is one. Whoever closes one writes its end first: where it dies behind that, the run is over.
   */
  async openRun(): Promise<RunDocument | undefined> {
    const id = (await this.entry<{ run: string | null }>('open'))?.value.run;
    if (!id) return undefined;
    const run = await this.run(id);
    if (!run) throw danglingRun(this.prefix, id);
    return run.status === 'open' ? run : undefined;
  }

  async run(id: string): Promise<RunDocument | undefined> {
    return (await this.entry<RunDocument>(`run.${id}`))?.value;
  }

  /** Every run, in the order in which they were begun. */
  async runs(): Promise<RunDocument[]> {
    const runs = await this.list<RunDocument>('run.'); // by their ids, which begin with the time of their machine
    return runs.toSorted((a, b) => (a.number ?? 0) - (b.number ?? 0));
  }

  journal(run: string): Promise<JournalEntry[]> {
    return this.list(`journal.${run}.`);
  }

  async memory(): Promise<PairMemory> {
    return (await this.entry<PairMemory>('memory'))?.value ?? emptyMemory();
  }

  lease(): Promise<KeyValueEntry<LeaseRecord | null> | undefined> {
    return this.entry('lease');
  }
}

/** Whether a run is open, or about to be: what is looked at now may be another thing a moment later. */
export const isBusy = async (store: StateReader): Promise<boolean> =>
  Boolean((await store.lease())?.value) || (await store.openRun()) !== undefined;

/**
 * Writes it as well. What is known of a run goes over the revision that this process has read or written itself, and under its lease: of two
 * processes that both go on, only one stores anything. OpsError `lease-lost` for the other.
 */
export class StateStore extends StateReader {
  private readonly writer: JetStreamWriter;
  private readonly revisions = new Map<string, number>();
  private heldLease: Pick<Lease, 'assertHeld'> | undefined;
  private saving: Promise<void> = Promise.resolve();
  private knownOpen: RunDocument | undefined;

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

  /** The run that is open, as far as this process knows without asking. */
  get openRunKnown(): RunDocument | undefined {
    return this.knownOpen;
  }

  /**
   * From here on everything is written under this lease. What stands is written once more: whatever its last holder may still send, asleep until now,
   * it sends upon revisions that are gone.
   */
  async heldBy(lease: Pick<Lease, 'assertHeld'>): Promise<void> {
    this.heldLease = lease;
    const open = await this.writeAgain<{ run: string | null }>('open', { run: null });
    if (open?.run) await this.writeAgain(`run.${open.run}`);
    await this.writeAgain<PairMemory>('memory', emptyMemory());
    this.knownOpen = await this.openRun();
  }

  private async writeAgain<T>(name: string, instead?: T): Promise<T | undefined> {
    for (;;) {
      this.revisions.delete(name);
      const value = (await this.entry<T>(name))?.value ?? instead;
      if (value === undefined) return undefined;
      try {
        this.revisions.set(name, await this.put(name, value, this.revisions.get(name)));
        return value;
      } catch (error) {
        if (!isConflict(error)) throw error;
      }
    }
  }

  /** A document is written over the reading that it began with: a later one may be of somebody who has taken over. */
  protected override async entry<T>(name: string): Promise<KeyValueEntry<T> | undefined> {
    const found = await super.entry<T>(name);
    const isBegun = name.startsWith('run.') && this.revisions.has(name);
    if (!isBegun) this.revisions.set(name, found?.revision ?? 0);
    return found;
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

  /** Undefined where another value was there first. A write without an answer is looked for before it is sent again. */
  private async writeOver(name: string, given: unknown): Promise<number | undefined> {
    const expected = this.revisions.get(name) ?? 0;
    const text = JSON.stringify(given);
    const value: unknown = JSON.parse(text); // as it is now, whatever becomes of it meanwhile
    return patiently(
      async (attempt) => {
        await this.heldLease?.assertHeld();
        try {
          if (attempt === 1) return await this.put(name, value, expected);
        } catch (error) {
          if (!isConflict(error)) throw error;
        }
        const standing = await readKey<unknown>(this.account, STATE_BUCKET, this.key(name));
        if ((standing?.revision ?? 0) === expected) return this.put(name, value, expected);
        return standing && JSON.stringify(standing.value) === text ? standing.revision : undefined;
      },
      { forMs: DEFAULT_PATIENCE_MS },
      (error) => isPassing(error) || isConflict(error),
    );
  }

  /** One after the other: each goes over the one before. */
  private save(name: string, value: unknown): Promise<void> {
    const saved = this.saving.then(async () => {
      const revision = await this.writeOver(name, value);
      if (revision === undefined) throw leaseLost(`${this.key(name)} was written by another process`);
      this.revisions.set(name, revision);
    });
    this.saving = saved.catch(() => {});
    return saved;
  }

  async saveRun(run: RunDocument): Promise<void> {
    if (this.knownOpen?.id === run.id) this.knownOpen = run;
    await this.save(`run.${run.id}`, run);
  }

  /** The document first: whoever reads the pointer finds it. */
  async openNewRun(run: RunDocument): Promise<void> {
    run.number = ((await this.runs()).at(-1)?.number ?? 0) + 1;
    await this.saveRun(run);
    await this.setReserve(RESERVE_BYTES);
    await this.save('open', { run: run.id });
    this.knownOpen = run;
  }

  /** Another run that is open stays so. */
  async closeRun(run: RunDocument): Promise<void> {
    await this.saveRun(run);
    const open = await this.entry<{ run: string | null }>('open');
    if (open?.value.run === run.id) {
      await this.save('open', { run: null });
      await this.setReserve(0);
    }
    if (this.knownOpen?.id === run.id) this.knownOpen = undefined;
  }

  async saveMemory(memory: PairMemory): Promise<void> {
    await this.save('memory', memory);
  }

  /** Whether it is stored; not where an entry with that number stands already. None is written over. */
  async appendEntry(run: string, entry: JournalEntry): Promise<boolean> {
    return (await this.writeOver(`journal.${run}.${String(entry.n).padStart(6, '0')}`, entry)) !== undefined;
  }

  /** Compare-and-set; answers the new revision, or throws OpsError `state-conflict`. */
  writeLease(lease: LeaseRecord | null, expected: number): Promise<number> {
    return this.put('lease', lease, expected);
  }
}
