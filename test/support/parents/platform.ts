// Started by tests that kill it with -9: brings a platform up in the folder it is given, prints the numbers of all its processes, and waits.
import { readState, startLocalPlatform } from '../../../cli/src/platform/local/index.ts';
import { standIn } from '../standIn.ts';

const dir = process.argv[2]!;
const ports = { nats: 'any', postgres: 'any', frontDoor: 'any' } as const;
await startLocalPlatform({ dir, ports, program: () => standIn });
const state = readState(dir)!;
const marks = [state.nats?.process, state.postgres?.process, ...state.pods.map((pod) => pod.process)];
process.stdout.write(`${JSON.stringify({ pids: marks.map((mark) => mark!.pid) })}\n`);
