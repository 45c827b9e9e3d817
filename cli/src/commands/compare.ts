import {
  compareStreams,
  type Comparison,
  type CopiedBlock,
  type JetStreamReader,
  openWriter,
  OpsError,
} from '@aa-ops/topology';
import type { CommandContext, CommandResult } from '../frame/command.ts';
import { readServerUrls } from '../frame/serverUrls.ts';
import { requireStream } from '../planning/find.ts';
import { requireFilter } from '../planning/requireFilter.ts';
import { readMemories } from '../saga/readMemories.ts';
import { comparisonDocument, renderComparison } from '../render/comparison.ts';

export interface CompareArguments {
  from: string;
  to: string;
  /** Filters; absent: every subject. */
  subject?: string[];
  firstSequence?: number;
  lastSequence?: number;
  /** Everything that both hold, whatever handovers have copied. */
  whole?: boolean;
  /** Only what the second stream holds copies of. */
  copied?: boolean;
  /** Where the second stream is, if it is in another account or on another server. */
  toServer?: string;
}

/** `compare FROM TO`: two streams message by message. Ends with 0 where they are equal, with 5 where they are not. */
export async function run(context: CommandContext, args: CompareArguments): Promise<CommandResult> {
  const { from, to, whole = false, copied = false, toServer } = args;
  if (from === to && toServer === undefined) throw usage(`${from} is compared with itself`);
  if (whole && copied) throw usage('--whole and --copied exclude one another');
  args.subject?.forEach(requireFilter);
  const seqs = rangeOf(args);
  const account = await context.writer();
  const other = toServer === undefined ? account : await openOther(context, toServer);
  try {
    const [fromInfo, toInfo] = [await requireStream(account, from), await requireStream(other, to)];
    const blocks = whole || copied || toServer !== undefined ? [] : await copiesBetween(account, from, to);
    const begun = performance.now();
    const comparison = await compareStreams(
      { account, info: fromInfo },
      { account: other, info: toInfo },
      {
        ...(args.subject ? { subjects: args.subject } : {}),
        ...(seqs ? { seqs } : {}),
        blocks,
        onlyCopied: copied,
        signal: context.signal,
      },
    );
    return result(comparison, blocks.length > 0, performance.now() - begun);
  } finally {
    if (other !== account) await other.close();
  }
}

function result(comparison: Comparison, ofHandovers: boolean, ms: number): CommandResult {
  const document = comparisonDocument(comparison, ofHandovers, ms);
  return { json: document, text: renderComparison(document), exitCode: comparison.equal ? 0 : 5 };
}

function rangeOf({ firstSequence, lastSequence }: CompareArguments): [number, number] | undefined {
  if (firstSequence === undefined && lastSequence === undefined) return undefined;
  const [first, last] = [firstSequence ?? 1, lastSequence ?? Number.MAX_SAFE_INTEGER];
  if (first > last) throw usage(`--first-sequence ${first} is behind --last-sequence ${last}`);
  return [first, last];
}

/** The same credentials, another server. */
async function openOther(context: CommandContext, url: string) {
  const settings = await context.settings();
  const { servers, tls, ...inUrl } = readServerUrls([url], '--to-server');
  return openWriter({ ...settings, ...inUrl, ...(tls && !settings.tls ? { tls: {} } : {}), servers });
}

/** What handovers of any topology have copied between two streams, either way; oldest first. */
async function copiesBetween(account: JetStreamReader, from: string, to: string): Promise<CopiedBlock[]> {
  return (await readMemories(account))
    .flatMap(({ blocks }) => blocks)
    .filter(({ renumbered }) => renumbered === undefined) // its copies name numbers of a stream that is no more
    .filter(({ origin, target }) => (origin === from && target === to) || (origin === to && target === from));
}

const usage = (message: string): OpsError =>
  new OpsError('usage', message, { kind: 'usage', hint: 'aa-ops compare --help' });
