import { type Check, green, red, skipped, yellow } from './check.ts';
import { withoutPods } from './pods.ts';
import { type Look, untilNotRed } from './runChecks.ts';

export const platformRights: Check = {
  id: 'platform-rights',
  title: 'We may do with the pods whatever a run does with them',
  runbook: 'Prerequisites, Infrastructure Access',
  async run(context) {
    const { platform } = context;
    const none = withoutPods(context);
    if (none) return none;
    if (!platform.missingRights) return skipped(`platform ${platform.kind} asks for no rights`);
    const missing = await platform.missingRights();
    if (missing.length === 0) return green(`${platform.name}: none is missing`);
    const list = missing.map(({ right, for: purpose }) => `${right} (for ${purpose})`).join('; ');
    const next = `add to its Role: ${missing.map(({ grant }) => grant).join(', ')}`;
    return missing.some(({ isWish }) => !isWish)
      ? red(`missing: ${list}`, next)
      : yellow(`missing: ${list}`, next);
  },
};

export const workloadsStand: Check = {
  id: 'workloads',
  title: 'Every workload stands, with replicas, and no rollout of it hangs',
  runbook: 'Prerequisites, Infrastructure Access',
  async run(context) {
    const { platform, topology } = context;
    const none = withoutPods(context);
    if (none) return none;
    const look = platform.workloadState;
    if (!look) return skipped(`platform ${platform.kind} keeps them`);
    return untilNotRed(context, async (): Promise<Look> => {
      const states = await Promise.all(topology.workloads.map((workload) => look(workload)));
      const counts = states
        .map(({ workload, ready, replicas }) => `${workload} ${ready}/${replicas}`)
        .join(', ');
      const problems = states.flatMap(({ workload, problems }) =>
        problems.map((one) => `${workload}: ${one}`),
      );
      if (problems.length > 0)
        return red(
          `${counts}; ${problems.join('; ')}`,
          'put that right first: a restart of it would not end',
        );
      const underWay = states.flatMap(({ workload, underWay }) =>
        underWay ? [`${workload}: ${underWay}`] : [],
      );
      return underWay.length > 0
        ? yellow(`${counts}; ${underWay.join('; ')}`, 'wait until its rollout has ended')
        : green(counts);
    });
  },
};
