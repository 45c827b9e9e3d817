import { setTimeout as delay } from 'node:timers/promises';
import {
  type ConnectSettings,
  DEFAULT_PATIENCE_MS,
  holdFor,
  type JetStreamWriter,
  openWriter,
  patient,
  recoverWindow,
  type WindowSpec,
} from '@aa-ops/topology';
import { msSince, thisMoment } from './moment.ts';
import { endForParent } from './windowClaim.ts';

/** What the process that runs a handover tells its guardian. */
export type GuardianMessage =
  | { type: 'connect'; settings: ConnectSettings; topology: string }
  | { type: 'arm'; spec: WindowSpec }
  | { type: 'disarm' }
  /** It goes on; has no answer. */
  | { type: 'beat' }
  /** It lets go what it holds: from here on only its death makes the guardian do so. */
  | { type: 'letting-go' };

/** ms between two beats of a parent, and without one after which it stands still and its window is ended. */
export const BEAT_MS = 250;
const STILL_MS = 4_000;
/** ms before that from which the parent itself no longer trusts that the window is its own. */
export const PARENT_TRUST_MS = 3_000;
/** ms for what a guardian that stood still itself has not read yet. */
const UNREAD_MS = 300;

/** What the guardian answers to each. */
export type GuardianReply = { type: 'ready' } | { type: 'elsewhere' } | { type: 'failed'; message: string };

type Standing = Awaited<ReturnType<typeof holdFor>>;

/**
 * The second process of a handover: it stands by with a connection and a hold of its own. When its parent dies in a window, or stands still in it
 * (stopped, or in a debugger), it ends that window: forward where anything was released, and every held publish with it. Otherwise it touches nothing. It
 * ends with its parent.
 */
export function runGuardian(): void {
  let account: JetStreamWriter | undefined;
  let settings: ConnectSettings | undefined;
  let topology = '';
  let armed: { spec: WindowSpec; standing: Standing; isEnding: boolean; letsGo: boolean } | undefined;
  let beat = thisMoment();

  const handle = async (message: GuardianMessage): Promise<void> => {
    switch (message.type) {
      case 'connect':
        settings = { ...message.settings, name: 'aa-ops guardian' };
        topology = message.topology;
        account = patient(await openWriter(settings), { forMs: DEFAULT_PATIENCE_MS });
        return;
      case 'arm':
        armed = {
          spec: message.spec,
          standing: await holdFor(account!, settings!, message.spec),
          isEnding: false,
          letsGo: false,
        };
        beat = thisMoment();
        return;
      case 'disarm':
        await armed?.standing?.close();
        armed = undefined;
        return;
      case 'beat':
      case 'letting-go':
    }
  };

  /** Whether the window is over. Not where its parent has claimed it, or is letting go. */
  const endWindow = async (isDead: boolean): Promise<void> => {
    if (!armed || !account) return;
    const [{ spec, standing }, connected] = [armed, account];
    const end = await endForParent(connected, topology, spec, isDead, (assertOurs) =>
      recoverWindow(connected, settings!, spec, { standing, assertOurs }),
    );
    if (!end) return;
    await standing?.close();
    armed = undefined;
  };
  const isStill = (): boolean => armed !== undefined && !armed.letsGo && msSince(beat) > STILL_MS;
  const watch = async (): Promise<void> => {
    if (!isStill()) return;
    await delay(UNREAD_MS); // this process may have stood still itself, with beats in the pipe
    if (!isStill() || !armed) return;
    armed.isEnding = true;
    await endWindow(false);
    if (armed) armed.isEnding = false;
  };

  // One after the other: a parent that dies while arming finds the guardian either armed or not at all.
  let queue = Promise.resolve();
  const reply = (answer: GuardianReply): void => {
    if (process.connected) process.send!(answer);
  };
  process.on('message', (message: GuardianMessage) => {
    if (message.type === 'beat') {
      beat = thisMoment();
      return;
    }
    if (message.type === 'letting-go') {
      if (armed?.isEnding === false) armed.letsGo = true;
      reply({ type: armed?.letsGo ? 'ready' : 'elsewhere' });
      return;
    }
    queue = queue
      .then(() => handle(message))
      .then(
        () => reply({ type: 'ready' }),
        (error: unknown) => reply({ type: 'failed', message: String(error) }),
      );
  });
  process.on('disconnect', () => {
    queue = queue
      .then(() => endWindow(true))
      .then(
        () => process.exit(0),
        () => process.exit(1), // the run stays open: --resume finds the window as it stands
      );
  });
  setInterval(() => {
    if (isStill()) queue = queue.then(watch).catch(() => {}); // found by --resume as it stands
  }, BEAT_MS).unref();
  // A Ctrl-C on the terminal is the parent's to handle.
  process.on('SIGINT', () => {});
}
