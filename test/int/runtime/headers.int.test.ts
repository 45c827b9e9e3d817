import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  type Bus,
  clear,
  deadLetters,
  drained,
  DURABLE,
  event,
  makeTopology,
  publish,
  rows,
  startBus,
  until,
} from './bus.ts';
import { type Pod, startPod } from './pod.ts';
import { rawPublish } from './rawPublish.ts';

/** The server takes any bytes; the client's reading throws at a blank in a name. */
const MALFORMED = 'X-Before: one\r\nbad key: x\r\n: nameless\r\nno colon\r\nX-Behind: two';

describe('headers that cannot be read', () => {
  let bus: Bus;
  let pod: Pod | undefined;

  beforeAll(async () => {
    bus = await startBus();
  });
  afterAll(() => bus.stop());
  beforeEach(() => clear(bus));
  afterEach(async () => {
    await pod?.stop();
    pod = undefined;
  });

  it('cost neither their message nor those behind it, and a dead letter has the others', async () => {
    await makeTopology(bus);
    pod = await startPod(bus, { TELEMETRY_ENABLED: 'true' });
    await rawPublish(bus, MALFORMED, JSON.stringify(event({ userId: 'itself' })));
    await rawPublish(bus, MALFORMED, 'not json');
    await publish(bus, event({ userId: 'behind' }));
    await drained(bus);
    expect((await rows(bus)).map((row) => row.user_id)).toEqual(['behind', 'itself']);
    const [letter] = await deadLetters(bus);
    expect([letter!.body, letter!.header('X-Before'), letter!.header('X-Behind')]).toEqual([
      'not json',
      'one',
      'two',
    ]);
    expect(pod.lines.filter((line) => /let go|lost/.test(line))).toEqual([]);
  });

  it('do not stop the sweeper', async () => {
    await makeTopology(bus, 'single', { ackWaitMs: 200, maxDeliver: 1 });
    await rawPublish(bus, MALFORMED, 'died');
    await publish(bus, 'died as well');
    // Two deliveries that nobody answers; their bytes are never parsed here.
    const inbox = 'died.inbox';
    let delivered = 0;
    const raw = bus.nc.subscribe(inbox, { callback: () => void delivered++ });
    bus.nc.publish(`$JS.API.CONSUMER.MSG.NEXT.ATHLETE_ALLY_EVENTS.${DURABLE}`, '2', { reply: inbox });
    await until('both are delivered', () => delivered === 2);
    raw.unsubscribe();
    pod = await startPod(bus, { NORMALIZE_SWEEP_INTERVAL_MS: '50' });
    await until('both are swept', async () => (await deadLetters(bus)).length === 2);
    const [letter] = await deadLetters(bus);
    expect([letter!.body, letter!.header('X-Behind')]).toEqual(['died', 'two']);
  });
});
