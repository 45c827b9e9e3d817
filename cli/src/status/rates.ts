import type { Status } from './readStatus.ts';

/** One look of several: what moved since the one before, a second; null where there is none, or a stream or durable was made anew. */
export type Look = ReturnType<typeof withRates>;

/** `status` as looked at `at`; the time between the two looks makes the rates. */
export function withRates(status: Status, at: Date, before?: { status: Status; at: Date }) {
  const seconds = before ? (at.getTime() - before.at.getTime()) / 1_000 : 0;
  const rate = (now: number, then: number | undefined): number | null =>
    then === undefined || now < then || seconds <= 0 ? null : Math.round(((now - then) / seconds) * 10) / 10;
  const past = before?.status;
  return {
    ...status,
    at: at.toISOString(),
    streams: status.streams.map((stream) => ({
      ...stream,
      storedPerSecond: rate(
        stream.lastSequence,
        past?.streams.find(({ name }) => name === stream.name)?.lastSequence,
      ),
    })),
    consumers: status.consumers.map((one) => ({
      ...one,
      settledPerSecond: rate(
        one.settled,
        past?.consumers.find(({ stream, name }) => stream === one.stream && name === one.name)?.settled,
      ),
    })),
    deadLetters: {
      ...status.deadLetters,
      perSecond: rate(status.deadLetters.messages, past?.deadLetters.messages),
    },
  };
}
