import type { PublisherSpec } from '../traffic/index.ts';
import { hrvEventOf } from './hrvEvents.ts';

/** What normalize hears. */
export const HRV_SUBJECT = 'athlete-ally.hrv.raw-received';
/** Subjects of the same streams that nothing of ours works: they must arrive all the same. */
const OTHER_SUBJECTS = [
  'athlete-ally.onboarding.completed',
  'athlete-ally.plan.generated',
  'sleep.recorded',
  'vendor.oura.webhook',
];

export const FRONT_DOOR = 'front-door';
export const BROKEN = 'broken';
/** Events that no schema takes, sent once at the start: they have to come out as dead letters. */
export const BROKEN_EVENTS = 3;

/** Shares of the whole rate. */
const SHARE = { door: 0.2, hrvWaiting: 0.15, hrvPipelined: 0.25, waiting: 0.15, pipelined: 0.25 };
const encode = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

/** Events a second through the front door. */
export const doorRate = (rate: number): number => rate * SHARE.door;

/** Publishers of both kinds, with and without `Nats-Msg-Id`, that together send what does not come through the front door. */
export function directPublishers(rate: number, values: readonly number[]): PublisherSpec[] {
  const hrv = (name: string) => ({
    name,
    subjects: [HRV_SUBJECT],
    payload: (n: number) => encode(hrvEventOf(name, n, values)),
  });
  const others = (name: string) => ({
    name,
    subjects: OTHER_SUBJECTS,
    payload: (n: number, subject: string) => encode({ synthetic: true, subject, n }),
  });
  return [
    { ...hrv('hrv-waiting'), kind: 'waiting', msgId: false, ratePerSecond: rate * SHARE.hrvWaiting },
    { ...hrv('hrv-pipelined'), kind: 'pipelined', msgId: true, ratePerSecond: rate * SHARE.hrvPipelined },
    { ...others('events-waiting'), kind: 'waiting', msgId: true, ratePerSecond: rate * SHARE.waiting },
    { ...others('events-pipelined'), kind: 'pipelined', msgId: false, ratePerSecond: rate * SHARE.pipelined },
    {
      name: BROKEN,
      subjects: [HRV_SUBJECT],
      kind: 'waiting',
      msgId: true,
      limit: BROKEN_EVENTS,
      payload: (n) => encode({ userId: 'synthetic-broken', date: 'no day', rmssd: -n }),
    },
  ];
}
