import { setImmediate as settled } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { OpsError } from '@aa-ops/topology';
import { JetStreamError } from '../../../topology/src/jetstream/jsError.ts';
import { throughQueue, updatesInTurn } from '../../../topology/src/jetstream/updatesInTurn.ts';

interface Sent {
  config: { name: string; n: number };
  answer(): void;
  fail(error: Error): void;
}

const lateness = new OpsError('nats-timeout', 'nobody answered', { hint: 'ask again' });
const refusal = new JetStreamError('STREAM.UPDATE.A', { code: 400, err_code: 10052, description: 'no' });

// `settled`: every promise that waits for nobody has come true by then.
function setUp() {
  const sent: Sent[] = [];
  const asked: { stream: string; heard(): void; unheard(): void }[] = [];
  const update = updatesInTurn(
    (config: Sent['config']) =>
      new Promise<number>((resolve, reject) =>
        sent.push({ config, answer: () => resolve(config.n), fail: reject }),
      ),
    (stream) =>
      new Promise((resolve, reject) =>
        asked.push({ stream, heard: resolve, unheard: () => reject(lateness) }),
      ),
  );
  return { sent, asked, update };
}

describe('the updates of a stream', () => {
  it('are sent one after the other, as they are answered', async () => {
    const { sent, update } = setUp();
    const both = [update({ name: 'A', n: 1 }), update({ name: 'A', n: 2 })];
    await settled();
    expect(sent.map(({ config }) => config.n)).toEqual([1]);
    sent[0]!.answer();
    await settled();
    expect(sent.map(({ config }) => config.n)).toEqual([1, 2]);
    sent[1]!.answer();
    expect(await Promise.all(both)).toEqual([1, 2]);
  });

  it('wait for nobody after a refusal, nor for another stream', async () => {
    const { sent, asked, update } = setUp();
    const refused = update({ name: 'A', n: 1 });
    void update({ name: 'B', n: 2 });
    await settled();
    sent[0]!.fail(refusal);
    await expect(refused).rejects.toBe(refusal);
    void update({ name: 'A', n: 3 });
    await settled();
    expect(sent.map(({ config }) => config.n)).toEqual([1, 2, 3]);
    expect(asked).toEqual([]);
  });

  it('are not sent behind one without an answer before the server is through with it', async () => {
    const { sent, asked, update } = setUp();
    const late = update({ name: 'A', n: 1 });
    await settled();
    sent[0]!.fail(lateness);
    await expect(late).rejects.toBe(lateness);
    const unsent = update({ name: 'A', n: 2 });
    await settled();
    asked[0]!.unheard();
    await expect(unsent).rejects.toBe(lateness);
    void update({ name: 'A', n: 3 });
    await settled();
    expect(sent.map(({ config }) => config.n)).toEqual([1]);
    asked[1]!.heard();
    await settled();
    expect(sent.map(({ config }) => config.n)).toEqual([1, 3]);
  });
});

describe('the question that waits in the server’s queue', () => {
  it('is asked until somebody hears it, whatever the answer', async () => {
    let asked = 0;
    const api = <T>(): Promise<T> => {
      asked += 1;
      return Promise.reject(asked < 3 ? lateness : refusal);
    };
    await throughQueue(api, 'A', 5_000);
    expect(asked).toBe(3);
  });

  it('fails where nobody hears it', async () => {
    await expect(throughQueue(() => Promise.reject(lateness), 'A', 1)).rejects.toBe(lateness);
  });
});
