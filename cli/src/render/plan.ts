import {
  type Action,
  type Change,
  type ChangeClass,
  describeDifferences,
  type Plan,
  wayOutOfMixed,
} from '@aa-ops/topology';
import type { RunDocument } from '../saga/runDocument.ts';
import { clean } from './clean.ts';
import { formatCount } from './numbers.ts';
import { type Paint, plainPaint } from './paint.ts';

/** How an action is shown: `+` made, `~` changed in place, `-/+` made anew, `>` handed over. */
export const SYMBOLS: Readonly<Record<Action, string>> = {
  create: '+',
  update: '~',
  delete: '-',
  replace: '-/+',
  handover: '>',
  none: ' ',
};

export interface PlanView {
  plan: Plan;
  run?: RunDocument | undefined;
  /** Also what stands as it should, and what the topology does not name. */
  verbose?: boolean;
  paint?: Paint;
}

/** A plan for people: where it stands, every change with its fields and why, and one count line at the end. */
export function renderPlan({ plan, run, verbose = false, paint = plainPaint }: PlanView): string {
  const changes = plan.changes.filter(({ action }) => verbose || action !== 'none');
  return [
    headline(plan),
    ...(run
      ? [
          paint.yellow(
            `open: ${run.command} ${run.from} -> ${run.to} (${run.id}); nothing can be applied before it ends`,
          ),
        ]
      : []),
    ...mixedLines(plan, paint),
    '',
    ...changes.flatMap((change) => changeLines(change, paint)),
    ...(verbose ? unmanagedLines(plan) : []),
    ...(changes.length > 0 ? [''] : []),
    countLine(plan),
  ].join('\n');
}

const headline = ({ topology, environment, mode, server }: Plan): string => {
  const stands =
    mode.live === 'none' ? `nothing stands yet, planned for ${mode.reference}` : `mode ${mode.live}`;
  return clean(`${topology} (${environment}), ${stands}, nats-server ${server.version}`);
};

function mixedLines({ mode, topology }: Plan, paint: Paint): string[] {
  if (mode.live !== 'mixed') return [];
  return [
    paint.red(clean(`the account fits no mode of ${topology}: ${describeDifferences(mode.differences)}`)),
    clean(`shown against ${mode.reference}, the nearest`),
    ...wayOutOfMixed({ mode }).map((line) => clean(line)),
  ];
}

/** `~ stream AA_DLQ  destructive, deletes 12 messages` */
export function changeLine(change: Change, paint: Paint = plainPaint): string {
  const where = change.stream === undefined ? '' : ` on ${clean(change.stream)}`;
  const deletes =
    change.messagesDeleted > 0 ? `, deletes ${formatCount(change.messagesDeleted)} messages` : '';
  const severity =
    change.action === 'none' ? '' : `  ${classBrush(change.class, paint)(change.class + deletes)}`;
  const brush = actionBrush(change.action, paint);
  return `${brush(`${SYMBOLS[change.action].padEnd(3)} ${change.kind} ${clean(change.name)}`)}${where}${severity}`;
}

function changeLines(change: Change, paint: Paint): string[] {
  const widest = Math.max(0, ...change.fields.map(({ path }) => path.length));
  const made = change.action === 'create';
  const fields = change.fields.map(({ path, before, after }) => {
    const value = made ? shown(after) : `${shown(before)} → ${shown(after)}`;
    return `      ${path.padEnd(widest)}  ${value}`;
  });
  if (change.action === 'none') return [changeLine(change, paint)];
  return [
    changeLine(change, paint),
    ...fields,
    paint.dim(`      ${clean(change.reason)}`),
    ...(change.hint ? [`      ${paint.cyan('hint:')} ${clean(change.hint)}`] : []),
  ];
}

/** A field's value on one line. */
export function shown(value: unknown): string {
  if (value === null || value === undefined) return '(unset)';
  if (Array.isArray(value) && value.every((one) => typeof one === 'string'))
    return clean(value.join(', ') || '(none)');
  return clean(typeof value === 'string' ? value : JSON.stringify(value));
}

function unmanagedLines({ unmanaged }: Plan): string[] {
  return [
    ...unmanaged.streams.map((name) => `    stream ${clean(name)}  not in the topology, left alone`),
    ...unmanaged.consumers.map(
      ({ stream, name }) =>
        `    consumer ${clean(name)} on ${clean(stream)}  not in the topology, left alone`,
    ),
  ];
}

const COUNTED: [keyof Plan['summary'], string][] = [
  ['create', 'to create'],
  ['update', 'to update'],
  ['replace', 'to replace'],
  ['handover', 'to hand over'],
  ['delete', 'to delete'],
];

/** `1 to create, 2 to update, 3 unchanged` */
export function countLine({ summary, changes }: Plan): string {
  const counts = COUNTED.filter(([key]) => summary[key] > 0).map(
    ([key, what]) => `${formatCount(summary[key])} ${what}`,
  );
  const doomed = changes.reduce((sum, { messagesDeleted }) => sum + messagesDeleted, 0);
  const unchanged = `${formatCount(summary.unchanged)} unchanged`;
  if (counts.length === 0) return `nothing to do, ${unchanged}`;
  const deleted = doomed > 0 ? [`${formatCount(doomed)} messages deleted`] : [];
  return [...counts, unchanged, ...deleted].join(', ');
}

const actionBrush = (action: Action, paint: Paint) =>
  ({
    create: paint.green,
    update: paint.yellow,
    delete: paint.red,
    replace: paint.red,
    handover: paint.cyan,
    none: paint.dim,
  })[action];

const classBrush = (severity: ChangeClass, paint: Paint) =>
  ({
    safe: paint.green,
    disruptive: paint.yellow,
    destructive: paint.red,
    handover: paint.cyan,
    impossible: paint.red,
  })[severity];
