/** Publishers in a process of their own, as `publishers.ts` starts them: they wait for nothing that the handover computes. */
import { performance } from 'node:perf_hooks';
import { openWriter } from '@aa-ops/topology';
import { judge } from '../../cli/src/traffic/index.ts';
import { startWatchedTraffic } from '../../test/support/crash/watchedTraffic.ts';
import type { Answer, Order, Question } from './publishers.ts';

const { settings, publishers } = JSON.parse(process.argv[2]!) as Order;
const traffic = await startWatchedTraffic(settings, publishers);
/** What both processes call the same instant. */
const epochMs = (instant: number): number => performance.timeOrigin + instant;

async function answer(question: Question): Promise<Answer> {
  if (question.what === 'stored')
    return traffic
      .stored()
      .map(({ sentAt, answeredAt }) => ({ sentAt: epochMs(sentAt), answeredAt: epochMs(answeredAt) }));
  await traffic.stop();
  const account = await openWriter(settings);
  const verdict = await judge(account, traffic.ledger, question);
  await account.close();
  return { verdict, unanswered: traffic.unanswered().map(epochMs) };
}

process.on('message', (question: Question) => void answer(question).then((it) => process.send!(it)));
process.on('disconnect', () => process.exit(0));
process.send!('ready');
