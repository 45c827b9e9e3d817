import { type Finding, type JetStreamReader, OpsError, type Topology } from '@aa-ops/topology';
import { planOnly } from '../runbook/migrate.ts';
import type { MigrationPlan } from '../runbook/steps/planMigration.ts';
import { StateReader } from '../saga/stateStore.ts';
import type { RunOptions } from '../saga/runDocument.ts';

/** Something that would stop the real migration. */
export interface Refusal {
  code: string;
  message: string;
  hint?: string;
}

export interface LiveFindings {
  /** Undefined where not even a plan can be made: `refusals` says why. */
  found?: { from: string; plan: MigrationPlan };
  refusals: Refusal[];
  warnings: Refusal[];
}

/** What the real migration would meet in the account as it stands. The client cannot write. */
export async function liveFindings(
  account: JetStreamReader,
  topology: Topology,
  to: string,
  options: RunOptions,
): Promise<LiveFindings> {
  const state = new StateReader(account, topology.name);
  const [open, lease] = await Promise.all([state.openRun(), state.lease()]);
  const refusals: Refusal[] = [];
  const warnings: Refusal[] = [];
  if (open) {
    const message = `run ${open.id} (${open.command} ${open.from} -> ${open.to}) is open since ${open.startedAt}`;
    refusals.push({
      code: 'run-open',
      message,
      hint: 'aa-ops migrate --resume goes on with it, aa-ops rollback turns it round',
    });
  }
  if (lease?.value) {
    const { operator, host, command } = lease.value;
    warnings.push({ code: 'locked', message: `${operator}@${host} runs "${command}" right now` });
  }
  try {
    const found = await planOnly({ account, topology }, { to, options });
    for (const finding of found.plan.findings)
      (isRefusal(finding, options) ? refusals : warnings).push(brief(finding));
    return { found, refusals, warnings };
  } catch (error) {
    if (!(error instanceof OpsError) || error.kind !== 'refused') throw error;
    const { code, message, hint } = error;
    return { refusals: [...refusals, { code, message, ...(hint ? { hint } : {}) }], warnings };
  }
}

const isRefusal = ({ severity, override }: Finding, { leaveReaders, orphanSubjects }: RunOptions): boolean =>
  severity === 'refuse' &&
  !(override === 'leave-readers' && leaveReaders) &&
  !(override === 'orphan-subjects' && orphanSubjects);

const brief = ({ code, message, hint }: Finding): Refusal => ({ code, message, hint });
