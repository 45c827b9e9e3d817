import { OpsError } from '../errors.ts';
import { byHand } from '../live/byHand.ts';
import { MIXED, type ModeDifference } from '../live/readMode.ts';
import { nameOf } from '../plan/fingerprint.ts';
import { movedSubjects } from '../plan/overlaps.ts';
import { type Overlap, pending, type Plan, type PlannedChange } from '../plan/plan.ts';

export interface Permissions {
  /** Changes that delete messages may be made. */
  allowDestructive: boolean;
}

/**
 * Throws an OpsError (refused) when any change of the plan may not be made in place: `mode-mixed`, `subjects-overlap`,
 * `replace-needed`, `change-impossible`, `destructive-refused`. A plan is applied whole or not at all: the safe changes
 * beside a refused one wait as well, so that nothing is ever half done by intent.
 */
export function refusePlan(plan: Plan, { allowDestructive }: Permissions): void {
  const changes = pending(plan);
  if (plan.mode.live === MIXED) throw mixedError(plan);
  const overlapping = changes.filter((change) => overlapsCount(change));
  if (overlapping.length > 0) throw overlapError(overlapping, plan);
  const impossible = changes.find((change) => change.class === 'impossible');
  if (impossible) throw changeError('change-impossible', impossible, 'the server would refuse it');
  const replaced = changes.find((change) => change.action === 'replace');
  if (replaced) throw changeError('replace-needed', replaced, 'it cannot be changed in place');
  const moved = changes.find((change) => change.class === 'handover');
  if (moved) throw changeError('handover-needed', moved, 'only a migration can do it');
  refuseDestructive(changes, { allowDestructive });
}

/** What deletes messages needs leave. */
export function refuseDestructive(
  changes: readonly PlannedChange[],
  { allowDestructive }: Permissions,
): void {
  const destructive = changes.filter(
    (change) => change.class === 'destructive' || (change.action === 'replace' && change.messagesDeleted > 0),
  );
  if (destructive.length > 0 && !allowDestructive) throw destructiveError(destructive);
}

/** Overlaps of a stream whose subjects do not change are somebody else's change. */
const overlapsCount = ({ overlaps, class: severity }: PlannedChange): boolean =>
  overlaps.length > 0 && (severity === 'handover' || severity === 'impossible');

const distinct = (overlaps: Overlap[]): Overlap[] => [
  ...new Map(
    overlaps.map((one) => [`${one.stream} ${one.subject} ${one.heldBy} ${one.heldSubject}`, one]),
  ).values(),
];

/** What the server means by 10065: which two streams, and which two subjects. */
export function overlapError(changes: readonly PlannedChange[], plan: Pick<Plan, 'mode'>): OpsError {
  const overlaps = distinct(changes.flatMap((change) => change.overlaps));
  const said = overlaps.map(
    ({ stream, subject, heldBy, heldSubject }) =>
      `${stream} should own ${subject}, but ${heldBy} owns ${heldSubject}`,
  );
  const foreign = overlaps.find((overlap) => overlap.foreign);
  const hint = foreign
    ? changes.find((change) => change.overlaps.includes(foreign))?.hint
    : `aa-ops migrate --to ${plan.mode.reference}`;
  return new OpsError(
    'subjects-overlap',
    `${said.join('; ')}: JetStream lets only one stream of an account own a subject (err_code 10065), so it has to be handed over`,
    {
      kind: 'refused',
      ...(hint ? { hint } : {}),
      details: { errCode: 10065, overlaps, subjects: movedSubjects(overlaps) },
    },
  );
}

function mixedError(plan: Plan): OpsError {
  return new OpsError(
    'mode-mixed',
    `the account fits no mode of ${plan.topology}: ${describeDifferences(plan.mode.differences)}`,
    {
      kind: 'refused',
      hint: wayOutOfMixed(plan).join('\n'),
      details: { differences: plan.mode.differences },
    },
  );
}

/** Line for line. A plan does not know whether a run is open: only where none is, what nobody can turn round is put right by hand. */
export const wayOutOfMixed = ({ mode }: Pick<Plan, 'mode'>): string[] => [
  'if aa-ops status shows an open run: aa-ops migrate --resume goes on with it; if it shows none, somebody else changed what the streams hear:',
  `by hand, what is not ${mode.reference}'s first:`,
  ...byHand(mode.differences, mode.reference),
];

/** `against single: AA_CORE_HOT lacks sleep.*; against multi: …`, grouped by mode. */
export function describeDifferences(differences: readonly ModeDifference[]): string {
  const modes = [...new Set(differences.map(({ mode }) => mode))];
  return modes
    .map((mode) => {
      const parts = differences
        .filter((one) => one.mode === mode)
        .map(({ stream, missing, extra }) => {
          const lacks = missing.length > 0 ? `lacks ${missing.join(', ')}` : '';
          const owns = extra.length > 0 ? `should not own ${extra.join(', ')}` : '';
          return `${stream} ${[lacks, owns].filter(Boolean).join(' and ')}`;
        });
      return `against ${mode} ${parts.join(', ')}`;
    })
    .join('; ');
}

function changeError(code: string, change: PlannedChange, why: string): OpsError {
  return new OpsError(code, `${nameOf(change)}: ${why}: ${change.reason}`, {
    kind: 'refused',
    ...(change.hint ? { hint: change.hint } : {}),
    details: { kind: change.kind, name: change.name, fields: change.fields, reason: change.reason },
  });
}

function destructiveError(changes: readonly PlannedChange[]): OpsError {
  const said = changes.map((change) => `${change.name} (${change.reason})`);
  const total = changes.reduce((sum, { messagesDeleted }) => sum + messagesDeleted, 0);
  return new OpsError(
    'destructive-refused',
    `${total} message${total === 1 ? '' : 's'} would be deleted: ${said.join('; ')}`,
    {
      kind: 'refused',
      hint: 'if they may go: --allow-destructive',
      details: {
        messagesDeleted: total,
        streams: changes.map(({ name, messagesDeleted }) => ({ name, messagesDeleted })),
      },
    },
  );
}
