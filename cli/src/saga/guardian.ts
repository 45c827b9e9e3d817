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
import { claimAndEnd } from './windowClaim.ts';

/** What the process that runs a handover tells its guardian. */
export type GuardianMessage =
  | { type: 'connect'; settings: ConnectSettings; topology: string }
  | { type: 'arm'; spec: WindowSpec }
  | { type: 'disarm' };

/** What the guardian answers to each. */
export type GuardianReply = { type: 'ready' } | { type: 'failed'; message: string };

type Standing = Awaited<ReturnType<typeof holdFor>>;

/**
 * The second process of a handover: it stands by with a connection and a hold of its own. When its parent dies in a
 * window, it ends that window at once: forward where anything was released, and every held publish with it. Otherwise
 * it touches nothing. It ends with its parent, or as soon as it has done its work.
 */
export function runGuardian(): void {
  let account: JetStreamWriter | undefined;
  let settings: ConnectSettings | undefined;
  let topology = '';
  let armed: { spec: WindowSpec; standing: Standing } | undefined;

  const handle = async (message: GuardianMessage): Promise<void> => {
    switch (message.type) {
      case 'connect':
        settings = { ...message.settings, name: 'aa-ops guardian' };
        topology = message.topology;
        account = patient(await openWriter(settings), { forMs: DEFAULT_PATIENCE_MS });
        return;
      case 'arm':
        armed = { spec: message.spec, standing: await holdFor(account!, settings!, message.spec) };
        return;
      case 'disarm':
        await armed?.standing?.hold.close();
        armed = undefined;
    }
  };

  // One after the other: a parent that dies while arming finds the guardian either armed or not at all.
  let queue = Promise.resolve();
  const reply = (answer: GuardianReply): void => {
    if (process.connected) process.send!(answer);
  };
  process.on('message', (message: GuardianMessage) => {
    queue = queue
      .then(() => handle(message))
      .then(
        () => reply({ type: 'ready' }),
        (error: unknown) => reply({ type: 'failed', message: String(error) }),
      );
  });
  process.on('disconnect', () => {
    queue = queue
      .then(async () => {
        if (!armed || !account) return;
        const { spec, standing } = armed;
        const connected = account;
        await claimAndEnd(connected, topology, spec, () =>
          recoverWindow(connected, settings!, spec, { standing }),
        );
      })
      .then(
        () => process.exit(0),
        () => process.exit(1), // the run stays open: --resume finds the window as it stands
      );
  });
  // A Ctrl-C on the terminal is the parent's to handle.
  process.on('SIGINT', () => {});
}
