import { messageOf, OpsError } from '../errors.ts';
import type { JetStreamReader, JetStreamWriter } from './account.ts';
import { requestError } from './apiRequest.ts';
import { JsError } from './jsError.ts';
import { newHeaders } from './clientTypes.ts';
import { DEFAULT_PATIENCE_MS, isWithoutEffect, patiently } from './patient.ts';

/** A value and the sequence that it was stored at: what a compare-and-set compares. */
export interface KeyValueEntry<T> {
  value: T;
  revision: number;
}

const decoder = new TextDecoder();
const bucketStream = (bucket: string): string => `KV_${bucket}`;
const keySubject = (bucket: string, key: string): string => `$KV.${bucket}.${key}`;

/** The bucket as every KV client knows it (ADR-8): `nats kv ls` reads it. Made when it is not there; never changed. */
export async function ensureBucket(
  account: JetStreamWriter,
  bucket: string,
  replicas: number,
): Promise<void> {
  if (await account.stream(bucketStream(bucket))) return;
  await account.createStream({
    name: bucketStream(bucket),
    subjects: [`$KV.${bucket}.>`],
    description: 'journal, lease and pair memory of aa-ops',
    storage: 'file',
    retention: 'limits',
    discard: 'new',
    max_msgs_per_subject: 1,
    allow_rollup_hdrs: true,
    deny_delete: true,
    allow_direct: true,
    num_replicas: replicas,
  });
}

/** The latest value of a key, parsed from JSON; undefined where there is no key or no bucket. Needs no right to write. */
export async function readKey<T>(
  account: JetStreamReader,
  bucket: string,
  key: string,
): Promise<KeyValueEntry<T> | undefined> {
  const found = await account.message(bucketStream(bucket), { lastBySubject: keySubject(bucket, key) });
  if (!found || found.data.length === 0) return undefined;
  return { value: parse<T>(bucket, key, decoder.decode(found.data)), revision: found.seq };
}

function parse<T>(bucket: string, key: string, text: string): T {
  try {
    return JSON.parse(text) as T;
  } catch (error) {
    throw new OpsError('state-unreadable', `${key} in the bucket ${bucket} is no JSON: ${messageOf(error)}`, {
      kind: 'refused',
      hint: `somebody else wrote or cut it; look at it with: nats kv get ${bucket} ${key}`,
      details: { key },
      cause: error,
    });
  }
}

/** Keys that begin with a prefix, sorted. */
export async function listKeys(account: JetStreamReader, bucket: string, prefix: string): Promise<string[]> {
  if (!(await account.stream(bucketStream(bucket)))) return [];
  const counts = await account.subjectCounts(bucketStream(bucket), keySubject(bucket, `${prefix}>`));
  return [...counts.keys()].map((subject) => subject.slice(keySubject(bucket, '').length)).sort();
}

/** ms for one write. */
const WRITE_MS = 5_000;
/** ms for which a conditional write that reaches nobody is tried again. */
const UNHEARD_MS = 5_000;

/**
 * Stores a value as JSON. With `expected`, only if the key's revision is that one (0: there is no key yet); OpsError
 * `state-conflict` where somebody else was first. Answers the new revision.
 */
export async function writeKey(
  account: JetStreamWriter,
  bucket: string,
  key: string,
  value: unknown,
  expected?: number,
): Promise<number> {
  const headers = newHeaders();
  if (expected !== undefined) headers.set('Nats-Expected-Last-Subject-Sequence', String(expected));
  const subject = keySubject(bucket, key);
  const publish = () =>
    account.connection
      .request(subject, JSON.stringify(value), { headers, timeout: WRITE_MS })
      .catch((error: unknown) => {
        throw requestError(error, subject, WRITE_MS);
      });
  // Storing the same value twice is as good as once; with a condition nobody could tell whose write it was, unless it has reached nobody: every
  // server learns of a bucket that was made a moment ago in its own time.
  const reply = await (expected === undefined
    ? patiently(publish, { forMs: DEFAULT_PATIENCE_MS })
    : patiently(publish, { forMs: UNHEARD_MS }, isWithoutEffect));
  const ack = JSON.parse(decoder.decode(reply.data)) as {
    seq?: number;
    error?: { err_code: number; description: string };
  };
  // A refusal carries a sequence as well: 0.
  if (!ack.error && ack.seq !== undefined) return ack.seq;
  const conflict = ack.error?.err_code === JsError.wrongLastSequence;
  throw new OpsError(
    conflict ? 'state-conflict' : 'state-unwritable',
    `cannot write ${subject}: ${ack.error?.description}`,
    {
      ...(conflict ? { kind: 'locked' } : {}),
      hint: conflict
        ? 'another operator was first: aa-ops status shows who runs'
        : 'is the account full? aa-ops streams info shows its limits',
      details: { key, errCode: ack.error?.err_code },
    },
  );
}
