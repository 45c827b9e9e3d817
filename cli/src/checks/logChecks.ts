import { covers } from '@aa-ops/topology';
import { formatAmount } from '../render/numbers.ts';
import { type Check, green, red, yellow } from './check.ts';
import { bindingLogCheck, judgeEach, notFound } from './judgeLogs.ts';
import { readPodLogs, tellCandidates, tellDeadLetterPrefix, tellMode } from './podLogs.ts';
import { withoutPods } from './pods.ts';
import { untilNotRed } from './runChecks.ts';

const MIGRATE_AGAIN = 'aa-ops migrate --resume, or restart its pods';

export const logMode: Check = {
  id: 'log-mode',
  title: 'Every pod says that it runs in the mode',
  runbook: 'Post-Deployment Verification, Immediate Checks, 1. Stream Mode Detection',
  run: async (context) =>
    withoutPods(context) ??
    untilNotRed(context, async () =>
      judgeEach(
        await readPodLogs(context),
        (log) => {
          const mode = tellMode(log.lines) ?? (log.isCut ? log.state?.mode : undefined);
          if (mode === undefined) return notFound(log, '"Stream mode"');
          return mode === context.mode
            ? undefined
            : red(`stream mode ${mode}, not ${context.mode}`, MIGRATE_AGAIN);
        },
        `stream mode ${context.mode}`,
      ),
    ),
};

export const logCandidates = bindingLogCheck(
  {
    id: 'log-candidates',
    title: "The pods look for the durable on the mode's stream first",
    runbook: 'Post-Deployment Verification, Immediate Checks, 1. Stream Mode Detection',
  },
  async (context, { stream, homes }) => {
    const seen = new Set<string>();
    const finding = judgeEach(
      await readPodLogs(context, 'consumer'),
      (log) => {
        const candidates = tellCandidates(log.lines);
        if (!candidates) return notFound(log, '"Stream candidates"');
        seen.add(candidates.join(', '));
        if (candidates[0] !== stream)
          return red(`candidates ${candidates.join(', ')}, ${stream} is not the first`, MIGRATE_AGAIN);
        const strange = candidates.filter((name) => !homes.includes(name));
        return strange.length > 0
          ? yellow(
              `candidate ${strange.join(', ')} has the durable in no mode`,
              'correct EVENT_STREAM_CANDIDATES',
            )
          : undefined;
      },
      '',
    );
    return finding.level === 'green'
      ? green(`candidates ${[...seen].join(' and ')}${finding.evidence}`)
      : finding;
  },
);

export const logDeadLetters = bindingLogCheck(
  {
    id: 'log-dlq',
    title: 'The pods send dead letters where a stream holds them',
    runbook: 'Post-Deployment Verification, Immediate Checks, 3. DLQ Configuration',
  },
  async (context) => {
    const { subjects } = context.topology.modes[context.ownedIn]!;
    const prefixes = new Set<string>();
    const finding = judgeEach(
      await readPodLogs(context, 'consumer'),
      (log) => {
        const prefix = tellDeadLetterPrefix(log.lines);
        if (prefix === undefined) return notFound(log, '"DLQ subject prefix"');
        prefixes.add(prefix);
        const holder = Object.entries(subjects).find(([, heard]) => covers(heard, `${prefix}.>`));
        return holder
          ? undefined
          : red(`no stream of mode ${context.ownedIn} holds ${prefix}.>`, 'aa-ops validate');
      },
      '',
    );
    return finding.level === 'green'
      ? green(`prefix ${[...prefixes].join(', ')}${finding.evidence}`)
      : finding;
  },
);

export const logErrors: Check = {
  id: 'log-errors',
  title: 'The logs of the pods show no errors',
  runbook: 'Monitoring, Success Indicators',
  async run(context) {
    const none = withoutPods(context);
    if (none) return none;
    return judgeEach(
      await readPodLogs(context),
      ({ errors }) =>
        errors.length > 0
          ? yellow(
              `${formatAmount(errors.length, 'error')}, the last: ${errors.at(-1)!.slice(0, 200)}`,
              'look at its log',
            )
          : undefined,
      'no errors since they started',
    );
  },
};
