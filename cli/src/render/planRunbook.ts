import type { Change, Plan, Topology } from '@aa-ops/topology';
import { clean } from './clean.ts';
import { shown } from './plan.ts';

const RULE = '='.repeat(60);

export interface RunbookView {
  kind: Change['kind'];
  topology: Topology;
  plan: Plan;
  /** Where the account was reached, without credentials. */
  url: string;
  dryRun: boolean;
}

/** Runbook, steps 2 and 3: the summary that operators know from the scripts this replaces. */
export function renderRunbook(view: RunbookView): string {
  const { topology, dryRun, kind, plan } = view;
  const title = kind === 'stream' ? 'Stream' : 'Consumer';
  const subjects = plan.changes.filter((change) => change.kind === kind);
  const waiting = subjects.filter(({ action }) => action !== 'none').length;
  const last =
    dryRun && waiting > 0
      ? `✅ Dry run: ${waiting} of ${subjects.length} would change`
      : `✅ All ${kind}s processed successfully`;
  return [
    RULE,
    `NATS JetStream - ${title} Creation (Idempotent)`,
    RULE,
    `Environment:  ${clean(topology.environment.name)}`,
    `NATS URL:     ${clean(view.url)}`,
    `Mode:         ${clean(plan.mode.live === 'none' ? `${plan.mode.reference} (nothing stands yet)` : plan.mode.live)}`,
    `Replicas:     ${topology.environment.replicas}`,
    `Dry Run:      ${dryRun ? 'YES' : 'NO'}`,
    RULE,
    '',
    '✅ Connected to NATS',
    '',
    ...subjects.flatMap((change) => [...processed(change, view), '']),
    ...(kind === 'consumer' ? otherModes(view) : []),
    RULE,
    last,
    RULE,
  ].join('\n');
}

function processed(change: Change, { kind, topology, dryRun }: RunbookView): string[] {
  const title = kind === 'stream' ? 'Stream' : 'Consumer';
  const name = clean(change.name);
  const description = (kind === 'stream' ? topology.streams : topology.consumers)[change.name]?.description;
  const head = [
    `Processing ${kind}: ${name}`,
    ...(description ? [`  Description: ${clean(description)}`] : []),
  ];
  const on = change.stream === undefined ? [] : [`   On stream: ${clean(change.stream)}`];
  if (change.action === 'none') return [...head, `✓  ${title} ${name} exists with correct config`, ...on];
  if (change.action === 'create') {
    return [
      ...head,
      `➕ ${title} ${name} does not exist`,
      ...on,
      `   ${dryRun ? 'Would create' : 'Creating'} with: ${settings(change)}`,
      ...(change.reason.includes(';')
        ? [`   (${clean(change.reason.slice(change.reason.indexOf(';') + 2))})`]
        : []),
      ...(dryRun ? [] : [`✅ ${title} ${name} created successfully`]),
    ];
  }
  return [
    ...head,
    `~  ${title} ${name} differs`,
    ...on,
    ...change.fields.map(({ path, before, after }) => `   ${path}: ${shown(before)} → ${shown(after)}`),
    ...(dryRun ? [`   Would update: ${clean(change.reason)}`] : [`✅ ${title} ${name} updated successfully`]),
  ];
}

const settings = (change: Change): string =>
  change.fields
    .filter(({ path }) => path !== 'description')
    .map(
      ({ path, after }) =>
        `${path}=${Array.isArray(after) ? after.map(clean).join(',') || '(none)' : shown(after)}`,
    )
    .join(', ');

/** Durables of modes that are not live: only a migration knows where they have to start. */
function otherModes({ topology, plan }: RunbookView): string[] {
  const lines = Object.values(topology.modes)
    .filter(({ name }) => name !== plan.mode.reference)
    .flatMap((mode) =>
      Object.entries(mode.consumers)
        .filter(
          ([name, { stream }]) => topology.modes[plan.mode.reference]?.consumers[name]?.stream !== stream,
        )
        .map(
          ([name, { stream }]) =>
            `·  ${clean(name)} on ${clean(stream)} belongs to mode ${clean(mode.name)}: aa-ops migrate --to ${clean(mode.name)} makes it where it has to start`,
        ),
    );
  return lines.length > 0 ? [...lines, ''] : [];
}
