import { OpsError } from '../errors.ts';
import { fingerprintsOf } from './fingerprint.ts';
import { canonicalJson } from './values.ts';
import { type Change, pending, type Plan, planDocument } from './plan.ts';

const KIND = 'aa-ops-plan';
const VERSION = 1;

/** A plan as it is kept in a file: what was to be done, and every configuration that it was made from. */
export interface PlanFile {
  kind: typeof KIND;
  schemaVersion: typeof VERSION;
  topology: string;
  environment: string;
  serverVersion: string;
  mode: string;
  changes: Pick<Change, 'kind' | 'name' | 'stream' | 'action' | 'class' | 'fields'>[];
  fingerprints: Record<string, string>;
}

/** The text of a plan file. Holds no message counts: they move, and do not make a plan stale. */
export function writePlanFile(plan: Plan): string {
  return `${JSON.stringify(planFileOf(plan), null, 2)}\n`;
}

function planFileOf(plan: Plan): PlanFile {
  return {
    kind: KIND,
    schemaVersion: VERSION,
    topology: plan.topology,
    environment: plan.environment,
    serverVersion: plan.server.version,
    mode: plan.mode.live,
    changes: planDocument({ ...plan, changes: pending(plan) }).changes.map(
      ({ kind, name, stream, action, class: severity, fields }) => ({
        kind,
        name,
        ...(stream === undefined ? {} : { stream }),
        action,
        class: severity,
        fields,
      }),
    ),
    fingerprints: fingerprintsOf(plan),
  };
}

/** Throws OpsError `plan-file-invalid` (usage) on anything that `writePlanFile` of this version did not write. */
export function readPlanFile(text: string, name: string): PlanFile {
  let value: Partial<PlanFile> | null;
  try {
    value = JSON.parse(text) as Partial<PlanFile> | null;
  } catch (error) {
    throw invalid(name, 'it is not JSON', error);
  }
  if (typeof value !== 'object' || value?.kind !== KIND) throw invalid(name, 'it is no plan of aa-ops');
  if (value.schemaVersion !== VERSION)
    throw invalid(name, `it has schemaVersion ${String(value.schemaVersion)}, this aa-ops reads ${VERSION}`);
  const whole =
    typeof value.fingerprints === 'object' &&
    value.fingerprints !== null &&
    Array.isArray(value.changes) &&
    [value.topology, value.environment, value.serverVersion, value.mode].every(
      (one) => typeof one === 'string',
    );
  if (!whole) throw invalid(name, 'parts of it are missing');
  return value as PlanFile;
}

const invalid = (name: string, why: string, cause?: unknown): OpsError =>
  new OpsError('plan-file-invalid', `${name} cannot be applied: ${why}`, {
    kind: 'usage',
    hint: 'make one with: aa-ops plan --out FILE',
    ...(cause === undefined ? {} : { cause }),
  });

/**
 * Throws OpsError `plan-stale` (refused) unless the account, the topology and the server still are what the file was made
 * from; `now` is the plan of this moment. Names every configuration that changed. Counters may have moved.
 */
export function refuseStale(file: PlanFile, now: Plan): void {
  const fresh = planFileOf(now);
  const things = new Set([...Object.keys(file.fingerprints), ...Object.keys(fresh.fingerprints)]);
  const changed = [...things].filter((thing) => file.fingerprints[thing] !== fresh.fingerprints[thing]);
  const what = firstDifference(file, fresh, changed);
  if (!what) return;
  throw new OpsError('plan-stale', `the plan no longer holds: ${what}`, {
    kind: 'refused',
    hint: 'look at what changed and plan anew: aa-ops plan --out FILE',
    details: { changed },
  });
}

function firstDifference(file: PlanFile, fresh: PlanFile, changed: string[]): string | undefined {
  const facts = [
    ['topology', file.topology, fresh.topology],
    ['environment', file.environment, fresh.environment],
    ['server version', file.serverVersion, fresh.serverVersion],
  ] as const;
  for (const [what, was, is] of facts) if (was !== is) return `it was made for ${what} ${was}, this is ${is}`;
  if (changed.length > 0) return `${changed.join(', ')} changed since`;
  if (file.mode !== fresh.mode) return `the account was in mode ${file.mode}, now it is in ${fresh.mode}`;
  if (canonicalJson(file.changes) !== canonicalJson(fresh.changes))
    return 'the topology file, or a stream in the way, changed since: other changes would be made';
  return undefined;
}
