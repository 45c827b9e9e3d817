import { messageOf, OpsError } from '../errors.ts';
import type { Host } from '../host.ts';
import type { JetStreamWriter } from '../jetstream/account.ts';
import { JetStreamError, JsError } from '../jetstream/jsError.ts';
import type { ConsumerInfo, StreamInfo } from '../jetstream/wire.ts';
import { countDeletion } from '../plan/deletions.ts';
import { fingerprint, nameOf } from '../plan/fingerprint.ts';
import { pending, type Plan, type PlannedChange, throughWindow } from '../plan/plan.ts';
import { type Permissions, refusePlan } from './refusePlan.ts';

export interface ApplyOptions extends Permissions {
  host: Host;
  signal?: AbortSignal;
}

/**
 * Makes the plan's changes, in order, and returns those that were made. Idempotent: an applied plan, planned again, has no
 * changes. Refuses before the first write whatever may not be made in place (refusePlan, and `window-needed`: throughWindow); never deletes a stream or a
 * consumer. Reads each thing again right before writing it, because JetStream has no compare-and-set: one that changed since
 * it was planned is `plan-stale`. Whatever fails after the first write is `partial`: planning and applying again goes on.
 */
export async function applyPlan(
  writer: JetStreamWriter,
  plan: Plan,
  options: ApplyOptions,
): Promise<PlannedChange[]> {
  refusePlan(plan, options);
  const open = pending(plan).find(throughWindow);
  if (open) throw windowNeeded(open);
  const applied: PlannedChange[] = [];
  for (const change of pending(plan)) {
    if (options.signal?.aborted) throw interrupted(applied);
    try {
      await applyChange(writer, change, options);
    } catch (error) {
      throw applyError(error, change, applied);
    }
    applied.push(change);
    options.host.notify({
      level: 'info',
      code: 'change-applied',
      message: `${nameOf(change)} ${change.action === 'create' ? 'created' : 'updated'}`,
      data: { kind: change.kind, name: change.name, action: change.action, class: change.class },
    });
  }
  return applied;
}

async function applyChange(
  writer: JetStreamWriter,
  change: PlannedChange,
  options: ApplyOptions,
): Promise<void> {
  const now = await readAgain(writer, change);
  if (fingerprint(now) !== fingerprint(change.seen)) throw staleError(change);
  if (change.kind === 'consumer') {
    await (now
      ? writer.updateConsumer(change.stream, change.config)
      : writer.createConsumer(change.stream, change.config));
    return;
  }
  if (!now) {
    await writer.createStream(change.config);
    return;
  }
  await guardMessages(writer, change, now as StreamInfo, options);
  await writer.updateStream(change.config);
}

const readAgain = (
  writer: JetStreamWriter,
  change: PlannedChange,
): Promise<StreamInfo | ConsumerInfo | undefined> =>
  change.kind === 'stream' ? writer.stream(change.name) : writer.consumer(change.stream, change.name);

/** Counts once more what would go: messages may have come since the plan was made. */
async function guardMessages(
  writer: JetStreamWriter,
  change: PlannedChange & { kind: 'stream' },
  now: StreamInfo,
  { allowDestructive, host }: ApplyOptions,
): Promise<void> {
  const retains = now.config.retention === change.config.retention;
  const consumers = retains ? [] : await writer.listConsumers(change.name); // only interest looks at them
  const deletion = await countDeletion(writer, { info: now, consumers }, change.config);
  if (deletion.messages === 0) return;
  if (!allowDestructive) {
    throw new OpsError(
      'destructive-refused',
      `${nameOf(change)}: ${deletion.messages} messages would be deleted by now: ${deletion.why}`,
      { kind: 'refused', hint: 'if they may go: --allow-destructive' },
    );
  }
  host.notify({
    level: 'warn',
    code: 'deleting-messages',
    message: `${nameOf(change)}: deletes ${deletion.messages} messages (${deletion.why})`,
    data: { name: change.name, messages: deletion.messages },
  });
}

/** A window takes a journal, a hold and a guardian, which are not the engine's to start. */
const windowNeeded = (change: PlannedChange): OpsError =>
  new OpsError('window-needed', `${nameOf(change)}: ${change.reason}`, {
    kind: 'refused',
    hint: 'aa-ops apply takes it through one',
    details: { fields: change.fields },
  });

const staleError = (change: PlannedChange): OpsError =>
  new OpsError('plan-stale', `${nameOf(change)} was changed by somebody else since it was planned`, {
    kind: 'refused',
    hint: 'plan again: aa-ops plan',
    details: { changed: [nameOf(change)] },
  });

const names = (changes: readonly PlannedChange[]): string[] => changes.map(nameOf);

const interrupted = (applied: readonly PlannedChange[]): OpsError =>
  new OpsError('interrupted', `interrupted after ${applied.length} changes`, {
    kind: 'interrupted',
    hint: 'apply again to go on: aa-ops apply',
    details: { applied: names(applied) },
  });

/** Before the first write an error is what it is; after it, some of the plan is done and the rest is not. */
function applyError(error: unknown, change: PlannedChange, applied: readonly PlannedChange[]): unknown {
  const known = knownError(error, change);
  if (applied.length === 0 || !(known instanceof OpsError)) return known;
  return new OpsError(known.code, `${messageOf(known)}; done before that: ${names(applied).join(', ')}`, {
    kind: 'partial',
    hint: `${known.hint ? `${known.hint}; ` : ''}then apply again, which goes on where it stopped`,
    details: { ...known.details, applied: names(applied), failed: nameOf(change) },
    cause: known,
  });
}

function knownError(error: unknown, change: PlannedChange): unknown {
  if (!(error instanceof JetStreamError)) return error;
  if (error.errCode === JsError.streamNameInUse) return staleError(change);
  if (error.errCode === JsError.subjectOverlap) {
    return new OpsError(
      'subjects-overlap',
      `${nameOf(change)}: another stream came to own one of its subjects since the plan was made (err_code 10065)`,
      { kind: 'refused', hint: 'aa-ops plan says which one', details: error.details!, cause: error },
    );
  }
  return new OpsError(error.code, `${nameOf(change)}: ${error.message}`, {
    ...(error.details ? { details: error.details } : {}),
    hint: 'the server refused it as the plan shows it: aa-ops plan',
    cause: error,
  });
}
