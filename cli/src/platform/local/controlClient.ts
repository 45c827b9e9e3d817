import { messageOf, OpsError } from '@aa-ops/topology';
import type { RolloutResult } from '../platform.ts';
import type { RestartLine } from './control.ts';
import { isAlive, type LocalState, type PodState, readState } from './state.ts';

/** The state of the supervisor that runs in the folder. Throws OpsError `platform-down` when none does. */
export function requireUp(dir: string): LocalState & { control: { url: string; token: string } } {
  const state = readState(dir);
  if (!state?.control || !isAlive(state.supervisor)) {
    throw new OpsError('platform-down', `the local platform in ${dir} is not up`, {
      hint: 'type aa-ops dev up',
    });
  }
  return { ...state, control: state.control };
}

export const fetchPods = async (dir: string): Promise<PodState[]> =>
  (await (await ask(dir, 'GET', '/pods')).json()) as PodState[];

export const sendConfig = async (dir: string, data: Record<string, string>): Promise<void> => {
  await ask(dir, 'POST', '/config', data);
};

export const sendStop = async (dir: string): Promise<void> => {
  await ask(dir, 'POST', '/stop');
};

/** Asks for a rolling restart and follows it; giving up by `signal` does not end it. */
export async function followRestart(
  dir: string,
  request: { workload: string; id: string; timeoutMs: number },
  onProgress: (line: string) => void,
  signal?: AbortSignal,
): Promise<RolloutResult> {
  const response = await ask(dir, 'POST', '/restart', request, signal);
  let rest = '';
  for await (const chunk of response.body!.pipeThrough(
    new TextDecoderStream(),
  ) as unknown as AsyncIterable<string>) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop()!;
    for (const text of lines) {
      const line = JSON.parse(text) as RestartLine;
      if ('progress' in line) onProgress(line.progress);
      if ('error' in line) throw new OpsError('platform-restart', line.error);
      if ('result' in line) return line.result;
    }
  }
  throw new OpsError(
    'platform-lost',
    `the supervisor in ${dir} ended during the restart of ${request.workload}`,
    {
      hint: 'type aa-ops dev up, then aa-ops migrate --resume',
    },
  );
}

async function ask(
  dir: string,
  method: string,
  path: string,
  body?: unknown,
  signal?: AbortSignal,
): Promise<Response> {
  const { control } = requireUp(dir);
  const headers = { authorization: `Bearer ${control.token}` };
  let response: Response;
  try {
    response = await fetch(control.url + path, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal ? { signal } : {}),
    });
  } catch (error) {
    signal?.throwIfAborted();
    const problem = error instanceof Error && error.cause ? messageOf(error.cause) : messageOf(error);
    throw new OpsError('platform-down', `the supervisor in ${dir} does not answer: ${problem}`, {
      hint: 'type aa-ops dev down, then aa-ops dev up',
      cause: error,
    });
  }
  if (!response.ok)
    throw new OpsError(
      'platform-refused',
      `the supervisor in ${dir} answered ${response.status}: ${await response.text()}`,
    );
  return response;
}
