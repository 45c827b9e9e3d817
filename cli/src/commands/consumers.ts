import {
  type ConsumerInfo,
  fromWire,
  nameOf,
  onlyKind,
  OpsError,
  peekNext,
  pending,
  type Plan,
  readLive,
  takeNext,
  type Topology,
} from '@aa-ops/topology';
import type { CommandContext, CommandResult } from '../frame/command.ts';
import { applyPlanned } from '../planning/applyPlanned.ts';
import { requireConsumer, requireStream } from '../planning/find.ts';
import { preparePlan } from '../planning/preparePlan.ts';
import { failedOf, failureResult, replacedJson, replacePlanned } from '../planning/replacePlanned.ts';
import { messageDocument, renderMessage } from '../render/message.ts';
import { renderRunbook } from '../render/planRunbook.ts';
import { renderConsumer, renderConsumers } from '../render/consumers.ts';
import { planOf, planResult } from './plan.ts';

/** `consumers plan`: what `consumers apply` would do. */
export const plan = (context: CommandContext): Promise<CommandResult> => planOf(context, 'consumer');

/** `consumers apply`: runbook, step 3. Makes and updates the durables of the live mode; a migration makes the other mode's. */
export async function apply(
  context: CommandContext,
  args: { dryRun?: boolean; replace?: boolean },
): Promise<CommandResult> {
  const prepared = await preparePlan(context);
  const ofConsumers = (plan: Plan): Plan => onlyKind(plan, 'consumer');
  const consumers = ofConsumers(prepared.plan);
  const dryRun = args.dryRun ?? false;
  if (!dryRun) refuseWithoutStreams(prepared.plan);
  const permissions = { allowDestructive: false, replace: !dryRun && (args.replace ?? false) };
  const replaced = await replacePlanned(context, prepared, ofConsumers, permissions);
  const failed = failedOf(replaced);
  if (failed) return failureResult(failed);
  const done = dryRun ? { dryRun } : await applyPlanned(context, replaced.prepared, ofConsumers, permissions);
  const more = { ...done, ...(dryRun ? {} : replacedJson(replaced)) };
  const url = (await context.settings()).servers.join(', ');
  const text = renderRunbook({ kind: 'consumer', topology: prepared.topology, plan: consumers, url, dryRun });
  return { ...planResult(context, prepared, consumers, 0, more), text };
}

function refuseWithoutStreams(plan: Plan): void {
  const missing = new Set(
    plan.changes.filter(({ kind, seen }) => kind === 'stream' && !seen).map(({ name }) => name),
  );
  const homeless = pending(plan).find(({ stream }) => stream !== undefined && missing.has(stream));
  if (!homeless) return;
  throw new OpsError(
    'stream-missing',
    `${nameOf(homeless)} cannot be made: there is no stream ${homeless.stream}`,
    {
      kind: 'refused',
      hint: 'aa-ops streams apply makes it',
    },
  );
}

/** `consumers ls [STREAM]`: the consumers of one stream, or of all streams of the topology. */
export async function ls(context: CommandContext, args: { stream?: string }): Promise<CommandResult> {
  const topology = await context.topology();
  const reader = await context.reader();
  if (args.stream !== undefined) await requireStream(reader, args.stream);
  const found =
    args.stream === undefined
      ? [...(await readLive(reader, topology)).streams.values()].flatMap((stream) => stream.consumers)
      : await reader.listConsumers(args.stream);
  const consumers = found.map((one) => consumerDocument(one, topology));
  return { json: { schemaVersion: 1, consumers }, text: renderConsumers(consumers, context.paint) };
}

/** A consumer as `ls` has it. */
export const consumerDocument = (one: ConsumerInfo, topology: Topology) => ({
  stream: one.stream_name,
  name: one.name,
  pending: one.num_pending,
  ackPending: one.num_ack_pending,
  redelivered: one.num_redelivered,
  waiting: one.num_waiting,
  delivered: one.delivered.stream_seq,
  ackFloor: one.ack_floor.stream_seq,
  lastDelivery: one.delivered.last_active ?? null,
  pausedUntil: one.paused ? (one.config.pause_until ?? null) : null,
  managed: Object.values(topology.modes).some(
    ({ consumers }) => Object.hasOwn(consumers, one.name) && consumers[one.name]!.stream === one.stream_name,
  ),
});

export interface ConsumerArguments {
  stream: string;
  consumer: string;
}

/** `consumers info STREAM CONSUMER`: its configuration as a topology file would have it, and its state. */
export async function info(context: CommandContext, args: ConsumerArguments): Promise<CommandResult> {
  const topology = await context.topology();
  const found = await requireConsumer(await context.reader(), args.stream, args.consumer);
  const consumer = {
    ...consumerDocument(found, topology),
    created: found.created,
    fields: fromWire('consumer', {
      ...found.config,
      filter_subjects: found.config.filter_subjects ?? [found.config.filter_subject ?? []].flat(),
    }),
  };
  const json = { schemaVersion: 1, consumer, config: found.config };
  return { json, text: renderConsumer(consumer, context.paint) };
}

/**
 * `consumers next STREAM CONSUMER`: the message it would deliver next. It only looks: unlike the `nats` CLI it takes nothing
 * away from whoever reads the durable, unless `--ack` says so.
 */
export async function next(
  context: CommandContext,
  args: ConsumerArguments & { ack?: boolean },
): Promise<CommandResult> {
  const reader = await context.reader();
  const consumer = await requireConsumer(reader, args.stream, args.consumer);
  if (args.ack)
    await context.confirm(
      `Take the next message away from ${consumer.name} on ${consumer.stream_name} and ack it?`,
    );
  const message = args.ack
    ? await takeNext(await context.writer(), consumer, context.options.timeoutMs)
    : await peekNext(reader, consumer);
  const counts = { pending: consumer.num_pending, ackPending: consumer.num_ack_pending };
  const waiting = `${counts.pending} pending, ${counts.ackPending} delivered and not acked`;
  return {
    json: {
      schemaVersion: 1,
      stream: consumer.stream_name,
      consumer: consumer.name,
      message: message ? messageDocument(message) : null,
      acked: message !== undefined && args.ack === true,
      ...counts,
    },
    text: message
      ? `${renderMessage(message, context.paint)}\n\n${args.ack ? 'acked' : 'not taken: it stays pending'}; before: ${waiting}`
      : `nothing is pending; ${waiting}`,
  };
}
