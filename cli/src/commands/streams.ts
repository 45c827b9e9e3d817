import {
  fromWire,
  type JetStreamReader,
  lastMessages,
  onlyKind,
  type Plan,
  realSubjects,
  type StoredMessage,
  type StreamInfo,
} from '@aa-ops/topology';
import type { CommandContext, CommandResult } from '../frame/command.ts';
import { applyPlanned } from '../planning/applyPlanned.ts';
import { requireStream } from '../planning/find.ts';
import { requireFilter } from '../planning/requireFilter.ts';
import { finishApply } from '../planning/finishApply.ts';
import { preparePlan } from '../planning/preparePlan.ts';
import { failedOf, failureResult, replacedJson, replacePlanned } from '../planning/replacePlanned.ts';
import { messageDocument, renderMessage } from '../render/message.ts';
import { renderRunbook } from '../render/planRunbook.ts';
import { renderStream, renderStreams } from '../render/streams.ts';
import { planOf, planResult } from './plan.ts';

export interface ApplyKindArguments {
  dryRun?: boolean;
  allowDestructive?: boolean;
  replace?: boolean;
}

/** `streams plan`: what `streams apply` would do. */
export const plan = (context: CommandContext): Promise<CommandResult> => planOf(context, 'stream');

/** `streams apply`: runbook, step 2. Makes and updates the streams of the topology, and nothing else. */
export async function apply(context: CommandContext, args: ApplyKindArguments): Promise<CommandResult> {
  const dryRun = args.dryRun ?? false;
  const found = await preparePlan(context);
  const prepared = dryRun ? found : await finishApply(context, found);
  const ofStreams = (plan: Plan): Plan => onlyKind(plan, 'stream');
  const streams = ofStreams(prepared.plan);
  const permissions = {
    allowDestructive: args.allowDestructive ?? false,
    replace: !dryRun && (args.replace ?? false),
  };
  const replaced = await replacePlanned(context, prepared, ofStreams, permissions);
  const failed = failedOf(replaced);
  if (failed) return failureResult(failed);
  const done = dryRun ? { dryRun } : await applyPlanned(context, replaced.prepared, ofStreams, permissions);
  const more = { ...done, ...(dryRun ? {} : replacedJson(replaced)) };
  const url = (await context.settings()).servers.join(', ');
  const text = renderRunbook({ kind: 'stream', topology: prepared.topology, plan: streams, url, dryRun });
  return { ...planResult(context, prepared, streams, 0, more), text };
}

/** `streams ls`: every stream of the account; those of the server and of KV buckets with `--all`. */
export async function ls(context: CommandContext, args: { all?: boolean }): Promise<CommandResult> {
  const topology = await context.topology();
  const all = await (await context.reader()).listStreams();
  const streams = all
    .filter(({ config }) => args.all || !/^(KV_|OBJ_|\$MQTT_)/.test(config.name))
    .sort((a, b) => (a.config.name < b.config.name ? -1 : 1))
    .map((one) => streamDocument(one, Object.hasOwn(topology.streams, one.config.name)));
  return { json: { schemaVersion: 1, streams }, text: renderStreams(streams, context.paint) };
}

/** A stream as `ls` has it. */
export const streamDocument = ({ config, state }: StreamInfo, managed: boolean) => ({
  name: config.name,
  subjects: realSubjects(config.subjects),
  messages: state.messages,
  bytes: state.bytes,
  firstSequence: state.first_seq,
  lastSequence: state.last_seq,
  lastTime: state.last_ts,
  consumers: state.consumer_count,
  managed,
});

/** `streams info STREAM`: its configuration as a topology file would have it, and its state. */
export async function info(context: CommandContext, args: { stream: string }): Promise<CommandResult> {
  const topology = await context.topology();
  const found = await requireStream(await context.reader(), args.stream);
  const stream = {
    ...streamDocument(found, Object.hasOwn(topology.streams, found.config.name)),
    created: found.created,
    fields: fromWire('stream', { ...found.config }),
    cluster: found.cluster ?? null,
    sources: found.sources ?? [],
    mirror: found.mirror ?? null,
  };
  const json = { schemaVersion: 1, stream, config: found.config, state: found.state };
  return { json, text: renderStream(stream, context.paint) };
}

export interface ViewArguments {
  stream: string;
  from?: number;
  count?: number;
  subject?: string;
}

const COUNT = 10;

/** `streams view STREAM`: stored messages, read without a consumer. */
export async function view(context: CommandContext, args: ViewArguments): Promise<CommandResult> {
  if (args.subject !== undefined) requireFilter(args.subject);
  const reader = await context.reader();
  const info = await requireStream(reader, args.stream);
  const messages = await readMessages(reader, args, info);
  const text = messages.map((message) => renderMessage(message, context.paint)).join('\n\n');
  return {
    json: { schemaVersion: 1, stream: args.stream, messages: messages.map(messageDocument) },
    text: text || `no message in ${args.stream} there`,
  };
}

/** From a sequence on; without one the newest messages, or of a subject the oldest. */
async function readMessages(
  reader: JetStreamReader,
  { stream, from, count = COUNT, subject }: ViewArguments,
  info: StreamInfo,
): Promise<StoredMessage[]> {
  if (from === undefined && subject === undefined) return lastMessages(reader, info, count);
  const { first_seq, last_seq } = info.state;
  const messages: StoredMessage[] = [];
  let seq = Math.max(first_seq, from ?? first_seq);
  while (messages.length < count && seq <= last_seq) {
    const message = await reader.message(stream, { seq, nextBySubject: subject ?? '>' });
    if (!message) break;
    messages.push(message);
    seq = message.seq + 1;
  }
  return messages;
}
