/**
 * Preloaded into the command (killBehind.ts): ends it with SIGKILL as soon as its n-th change is in the kernel's hands, before any answer to it.
 * A change is whatever it publishes to a server but for questions and answers: every request that changes a stream or a durable, every document of
 * the state bucket, journal entries included, every message that is let go. The lease is none: it is renewed by the clock.
 */
import { Socket } from 'node:net';
import process from 'node:process';

/** `change:7` or `entry:7`. Its guardian, and whatever else it starts, lives on. */
const [what, count] = (process.env.AA_TEST_KILL_BEHIND ?? '').split(':');
const isCommand = /aa-ops\.js$/.test(process.argv[1] ?? '');

const QUESTIONS =
  /^\$JS\.API\.(INFO|STREAM\.(INFO|LIST|NAMES|MSG\.GET)|CONSUMER\.(INFO|LIST|NAMES|MSG\.NEXT)|DIRECT\.)/;
const ANSWERS = /^(_INBOX\.|\$JS\.(ACK|FC)\.)/;
const LEASE = /^\$KV\.aa-ops\.[^.]+\.lease$/;
const ENTRY = /^\$KV\.aa-ops\.[^.]+\.journal\./;

const counts = {
  change: (subject) => ![QUESTIONS, ANSWERS, LEASE].some((other) => other.test(subject)),
  entry: (subject) => ENTRY.test(subject),
};

/** Command by command, so that a payload that looks like one is none. The client writes whole messages. */
function* subjectsIn(bytes) {
  for (let at = 0; at < bytes.length;) {
    const end = bytes.indexOf('\r\n', at);
    if (end < 0) return;
    const words = bytes.toString('latin1', at, end).split(' ');
    at = end + 2;
    if (words[0] !== 'PUB' && words[0] !== 'HPUB') continue;
    yield words[1];
    at += Number(words.at(-1)) + 2;
  }
}

if (isCommand && what in counts) {
  let left = Number(count);
  const { write } = Socket.prototype;
  Socket.prototype.write = function (chunk, ...rest) {
    const before = left;
    for (const subject of subjectsIn(Buffer.from(chunk))) if (counts[what](subject)) left -= 1;
    const sent = write.call(this, chunk, ...rest);
    if (before > 0 && left <= 0) process.kill(process.pid, 'SIGKILL');
    return sent;
  };
}
