import { DURABLE, event, fill, type Setting, STREAM, SUBJECT, until } from './setting.ts';
import { startPod } from './pod.ts';

/** ms from the stream's storing of an event to its ack, which follows the commit of its row. */
export interface Latency {
  p50: number;
  p99: number;
  max: number;
}

/** Sends `perSecond` events a second, evenly, for so long, and reads each one's way from the subject of its ack: the server's time is in it. */
export async function measureLatency(setting: Setting, perSecond: number, seconds: number): Promise<Latency> {
  await fill(setting, 0);
  const pod = await startPod(setting);
  await pod.ready;
  const took: number[] = [];
  setting.nc.subscribe(`$JS.ACK.${STREAM}.${DURABLE}.>`, {
    callback: (_error, msg) => {
      const storedMs = Number(msg.subject.split('.')[7]!) / 1e6;
      took.push(performance.timeOrigin + performance.now() - storedMs);
    },
  });
  await setting.nc.flush();
  const count = perSecond * seconds;
  const started = performance.now();
  for (let i = 0; i < count; i++) {
    const due = started + (i * 1_000) / perSecond;
    while (performance.now() < due)
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - performance.now())));
    setting.nc.publish(SUBJECT, JSON.stringify(event(i)));
  }
  await until(async () => took.length >= count);
  await pod.stop();
  took.sort((a, b) => a - b);
  const at = (share: number): number => took[Math.min(took.length - 1, Math.floor(took.length * share))]!;
  return { p50: at(0.5), p99: at(0.99), max: took.at(-1)! };
}
