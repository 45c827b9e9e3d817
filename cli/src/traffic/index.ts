export { type BookCounts, PublisherBook, type PublisherKind } from './book.ts';
export { identifyByHeader, type Identify, type Identity, TRAFFIC_HEADER } from './identity.ts';
export { judge, type JudgeOptions, type PublisherVerdict, type Verdict } from './judge.ts';
export { judgeWorked, WorkRecord, type WorkVerdict } from './judgeWorked.ts';
export { type LatencySummary, summarize } from './latency.ts';
export { Ledger } from './ledger.ts';
export { openNatsSender, type PublisherSpec } from './natsSender.ts';
export type { Sender } from './sender.ts';
export {
  openSenders,
  startSenders,
  startTraffic,
  type Traffic,
  type TrafficOptions,
} from './startTraffic.ts';
