// A command that hears the first signal and ends all the same not: what the second one is for.
import { abortOnSignals } from '../../../cli/src/frame/signals.ts';

setInterval(() => {}, 60_000);
const signal = abortOnSignals(() => {});
signal.addEventListener('abort', () =>
  process.stdout.write(`${JSON.stringify({ aborted: String(signal.reason) })}\n`),
);
process.stdout.write(`${JSON.stringify({ ready: true })}\n`);
