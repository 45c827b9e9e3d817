import { dropIdleLeftovers } from '../leftovers.ts';
import type { Step } from '../step.ts';
import { settleFindings } from './findings.ts';
import { planMigration } from './planMigration.ts';

export const planStep: Step = {
  id: 'plan',
  title: 'Plan the handovers',
  runbook: 'Overview',
  async run(context) {
    if (context.run.groups.length > 0) return { status: 'already' };
    await dropIdleLeftovers(context);
    const plan = await planMigration(context);
    const note = settleFindings(context, plan.findings);
    await context.store.saveMemory(plan.memory);
    context.run.groups = plan.groups.map((group) => ({ group, phase: 'planned', attempt: 0 }));
    await context.save();
    const handovers = plan.groups
      .flatMap(({ copies }) => copies)
      .map(({ origin, target }) => `${origin} -> ${target}`);
    const what =
      handovers.length > 0
        ? `${handovers.join(', ')}; ${plan.size.messages} messages to copy; ${plan.ways}`
        : 'no subject moves';
    return { note: note ? `${what}; ${note}` : what };
  },
};
