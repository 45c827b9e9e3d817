import { type ChildProcess, fork } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import {
  type ConnectSettings,
  type JetStreamWriter,
  OpsError,
  type WindowGuard,
  type WindowSpec,
} from '@aa-ops/topology';
import { BEAT_MS, type GuardianMessage, type GuardianReply, PARENT_TRUST_MS } from './guardian.ts';
import { msSince, thisMoment } from './moment.ts';
import { awaitEnd, claimAsParent } from './windowClaim.ts';

export interface Guardian extends WindowGuard {
  /** Ends the process. */
  close(): void;
}

/** ms for its answer while publishes wait to be let go; one that stands still is ended. */
const LET_GO_MS = 2_000;

/** ms that the guardian may take to answer; without one there is no release. */
const ANSWER_MS = 15_000;

/**
 * Starts the second process of a handover. Settings go over the pipe, never as arguments or environment: they may hold
 * credentials. It is its own process group, so that what kills the parent's does not take it along.
 */
export async function startGuardian(
  settings: ConnectSettings,
  topology: string,
  account: JetStreamWriter,
): Promise<Guardian> {
  const { path, execArgv } = entry();
  const child = fork(path, [], { execArgv, detached: true, stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
  // One that does not answer must not act later either: it would take a window that is over for one left open.
  const ask = (message: GuardianMessage, forMs = ANSWER_MS): Promise<boolean> =>
    answer(child, message, forMs).catch((error: unknown) => {
      child.kill('SIGKILL');
      throw error;
    });
  let spec: WindowSpec | undefined;
  let beats: NodeJS.Timeout | undefined;
  let last = thisMoment();
  /** It was away for so long that the guardian may have taken it for one that stands still. */
  let wasAway = false;
  const beat = (): void => {
    wasAway ||= msSince(last) > PARENT_TRUST_MS;
    last = thisMoment();
    if (child.connected) child.send({ type: 'beat' } satisfies GuardianMessage, () => {}); // one that is gone needs none
  };
  const claim = async (as: 'in-window' | 'letting-go'): Promise<void> => {
    await claimAsParent(account, topology, spec!, as);
    wasAway = false;
    last = thisMoment();
    beat();
  };
  const assertOurs = async (): Promise<void> => {
    if (wasAway || msSince(last) > PARENT_TRUST_MS) await claim('in-window');
  };
  await ask({ type: 'connect', settings, topology });
  child.unref();
  child.channel?.unref();
  return {
    async arm(armed) {
      [spec, last, wasAway] = [armed, thisMoment(), false];
      beats = setInterval(beat, BEAT_MS);
      beats.unref();
      await ask({ type: 'arm', spec: armed });
    },
    assertOurs,
    async lettingGo() {
      await assertOurs();
      const isAlone = await ask({ type: 'letting-go' }, LET_GO_MS).catch(() => false);
      if (!isAlone) await claim('letting-go');
    },
    endElsewhere: (window) => awaitEnd(account, topology, window),
    async disarm() {
      clearInterval(beats);
      await ask({ type: 'disarm' });
    },
    close() {
      clearInterval(beats);
      child.kill('SIGKILL');
    },
  };
}

/** `guardian.js` beside the built command or above its chunks; the source, run by tsx, in tests. */
function entry(): { path: string; execArgv: string[] } {
  const built = ['./guardian.js', '../guardian.js'].map((name) =>
    fileURLToPath(new URL(name, import.meta.url)),
  );
  const found = built.find((path) => existsSync(path));
  if (found) return { path: found, execArgv: [] };
  return {
    path: fileURLToPath(new URL('../guardian.ts', import.meta.url)),
    execArgv: ['--import', pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href],
  };
}

/** False: another process has the window. */
function answer(child: ChildProcess, message: GuardianMessage, forMs: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const fail = (why: string): void =>
      finish(() =>
        reject(
          new OpsError('guardian-failed', `the guardian process did not stand by: ${why}`, {
            hint: 'nothing was released; run the command again',
          }),
        ),
      );
    const timer = setTimeout(() => fail(`no answer within ${forMs} ms`), forMs);
    const onMessage = (reply: GuardianReply): void =>
      reply.type === 'failed' ? fail(reply.message) : finish(() => resolve(reply.type === 'ready'));
    const onExit = (): void => fail('it ended');
    const finish = (settle: () => void): void => {
      clearTimeout(timer);
      child.off('message', onMessage);
      child.off('exit', onExit);
      settle();
    };
    child.on('message', onMessage);
    child.once('exit', onExit);
    child.send(message, (error) => error && onExit()); // one that ended before says nothing any more
  });
}
