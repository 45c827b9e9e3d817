import { judge } from '../traffic/index.ts';
import { deadLetterStream, readDeadLetters } from './deadLetters.ts';
import type { DemoPlatform } from './demoPlatform.ts';
import type { DemoTraffic } from './demoTraffic.ts';
import { ownerOf, untilDrained } from './drain.ts';
import { BROKEN, HRV_SUBJECT } from './publishers.ts';
import { type DemoFindings, type DemoReport, makeReport } from './report.ts';
import { judgeRows } from './rows.ts';

/** Compares, with the traffic at rest, what was sent with what the streams, the table and the dead letters hold. */
export async function judgeDemo(
  platform: DemoPlatform,
  { traffic, reader, values, identify }: DemoTraffic,
  known: Omit<DemoFindings, 'verdict' | 'rows' | 'letters' | 'brokenOnPurpose' | 'problems'>,
  signal: AbortSignal,
): Promise<DemoReport> {
  const { account, topology } = platform;
  const { ledger } = traffic;
  const problems = await untilDrained(platform, ledger, signal);
  const deadLetters = deadLetterStream(topology, topology.environment.initialMode)!;
  const subjects = new Set(ledger.books().flatMap((book) => book.subjects));
  const owners = await Promise.all([...subjects].map((subject) => ownerOf(platform, subject)));
  const verdict = await judge(account, ledger, {
    streams: Object.keys(topology.streams).filter((name) => name !== deadLetters),
    holders: owners.filter((owner) => owner !== undefined),
    identify,
  });
  const letters = await readDeadLetters(account, deadLetters, ledger, identify);
  const rows = judgeRows(ledger, await reader.rows(), values, letters.has);
  const hrvPublishers = ledger
    .books()
    .filter(({ name, subjects: [subject] }) => name !== BROKEN && subject === HRV_SUBJECT)
    .map(({ name }) => name);
  const brokenOnPurpose = ledger.book(BROKEN)?.sent ?? 0;
  return makeReport({ ...known, verdict, rows, letters, brokenOnPurpose, problems }, new Set(hrvPublishers));
}
