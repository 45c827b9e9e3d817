import { type ChildProcess, fork } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { type ConnectSettings, OpsError, type WindowGuard } from '@aa-ops/topology';
import type { GuardianMessage, GuardianReply } from './guardian.ts';

export interface Guardian extends WindowGuard {
  /** Ends the process. */
  close(): void;
}

/** ms that the guardian may take to answer; without one there is no release. */
const ANSWER_MS = 15_000;

/**
 * Starts the second process of a handover. Settings go over the pipe, never as arguments or environment: they may hold
 * credentials. It is its own process group, so that what kills the parent's does not take it along.
 */
export async function startGuardian(settings: ConnectSettings, topology: string): Promise<Guardian> {
  const { path, execArgv } = entry();
  const child = fork(path, [], { execArgv, detached: true, stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
  // One that does not answer must not act later either: it would take a window that is over for one left open.
  const ask = (message: GuardianMessage): Promise<void> =>
    answer(child, message).catch((error: unknown) => {
      child.kill('SIGKILL');
      throw error;
    });
  await ask({ type: 'connect', settings, topology });
  child.unref();
  child.channel?.unref();
  return {
    arm: (spec) => ask({ type: 'arm', spec }),
    disarm: () => ask({ type: 'disarm' }),
    close: () => child.kill('SIGKILL'),
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

function answer(child: ChildProcess, message: GuardianMessage): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (why: string): void =>
      finish(() =>
        reject(
          new OpsError('guardian-failed', `the guardian process did not stand by: ${why}`, {
            hint: 'nothing was released; run the command again',
          }),
        ),
      );
    const timer = setTimeout(() => fail(`no answer within ${ANSWER_MS} ms`), ANSWER_MS);
    const onMessage = (reply: GuardianReply): void =>
      reply.type === 'ready' ? finish(resolve) : fail(reply.message);
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
