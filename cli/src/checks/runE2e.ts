import { setTimeout as pause } from 'node:timers/promises';
import { OpsError } from '@aa-ops/topology';
import { abortAfter } from '../platform/abortAfter.ts';
import { openDatabase, type Database } from './database.ts';
import { reasonOf } from './reasonOf.ts';

export interface E2eRequest {
  /** Base URL that takes `POST /ingest/hrv`. */
  frontDoor: string;
  /** Sends there, where a plain request does not get there. */
  post?: ((path: string, headers: Record<string, string>, body: string) => Promise<Answer>) | undefined;
  databaseUrl: string;
  /** A user that no person is: its row of today is overwritten. */
  userId: string;
  /** ms for everything. */
  timeoutMs: number;
  signal: AbortSignal;
  /** Bearer token, where the front door asks for one. */
  token?: string;
}

interface Answer {
  status: number;
  body: string;
}

/** One event, in through the front door and out of the database. */
export interface E2eResult {
  userId: string;
  date: string;
  rmssd: number;
  /** ms from the request to its answer, which comes after the PubAck. */
  receivedMs?: number;
  /** ms from the request to the row. */
  rowMs?: number;
  lnRmssd?: number;
  /** Why it is not as it should be; absent: it is. */
  problem?: string;
  /** It was taken, and nothing is wrong but that its row has not come in time. */
  isLate?: true;
}

interface Row {
  rmssd: number;
  lnRmssd: number;
  capturedAt: Date;
}

const LOOK_EVERY_MS = 20;
const KNOCK_EVERY_MS = 200;
/** ln is computed by another process, but in the same double precision. */
const LN_TOLERANCE = 1e-9;
const NO_TABLE = '42P01';

/** Sends one event whose value nothing else has, and waits for its row. Throws OpsError `database-unreachable`. */
export async function runE2e(request: E2eRequest): Promise<E2eResult> {
  const database = await openDatabase(request.databaseUrl);
  try {
    return await sendAndAwait(request, database);
  } finally {
    await database.close();
  }
}

async function sendAndAwait(request: E2eRequest, database: Database): Promise<E2eResult> {
  const { userId, timeoutMs, signal } = request;
  const date = new Date().toISOString().slice(0, 10);
  const result: E2eResult = { userId, date, rmssd: 30 + Math.floor(Math.random() * 70_000) / 1_000 };
  const before = await readRow(database, result);
  // The newest instant wins, and the last one may have come from a machine whose clock is ahead.
  const capturedAt = new Date(Math.max(Date.now(), (before?.capturedAt.getTime() ?? 0) + 1));

  const begun = performance.now();
  const elapsed = (): number => Math.round((performance.now() - begun) * 10) / 10;
  const event = { userId, date, rmssd: result.rmssd, capturedAt: capturedAt.toISOString() };
  let refusal = await knock(request, event);
  // The endpoints of a Service follow a rollout with a delay, and an API server that has just started knows of none.
  while (refusal?.isNobodyThere && elapsed() < timeoutMs) {
    await pause(KNOCK_EVERY_MS, undefined, { signal });
    refusal = await knock(request, event);
  }
  result.receivedMs = elapsed();
  if (refusal !== undefined) return { ...result, problem: refusal.says };
  for (;;) {
    const row = await readRow(database, result);
    if (row && row.capturedAt >= capturedAt)
      return { ...result, rowMs: elapsed(), ...judgeRow(row, result, capturedAt) };
    if (elapsed() >= timeoutMs) {
      const problem = `received, but no row of ${userId} within ${Math.round(elapsed())} ms`;
      return { ...result, problem, isLate: true };
    }
    await pause(LOOK_EVERY_MS, undefined, { signal });
  }
}

function judgeRow(row: Row, { rmssd }: E2eResult, capturedAt: Date): Pick<E2eResult, 'lnRmssd' | 'problem'> {
  const { lnRmssd } = row;
  // Somebody else tests with the same user, a moment later: that row came the same way.
  if (row.capturedAt > capturedAt) return { lnRmssd };
  if (row.rmssd !== rmssd) return { lnRmssd, problem: `the row has rmssd ${row.rmssd}, not ${rmssd}` };
  const isLn = Math.abs(lnRmssd - Math.log(rmssd)) <= LN_TOLERANCE;
  return isLn ? { lnRmssd } : { lnRmssd, problem: `the row has ln_rmssd ${lnRmssd}, not ln(${rmssd})` };
}

async function readRow(database: Database, { userId, date }: E2eResult): Promise<Row | undefined> {
  try {
    const [row] = await database.rows<Row>(
      'SELECT rmssd, ln_rmssd AS "lnRmssd", captured_at AS "capturedAt" FROM hrv_data WHERE user_id = $1 AND date = $2',
      [userId, date],
    );
    return row;
  } catch (error) {
    if ((error as { code?: string }).code === NO_TABLE) return undefined; // normalize makes it
    throw error;
  }
}

interface Refusal {
  says: string;
  /** No pod was reached: the same event may be sent again. */
  isNobodyThere?: true;
}

/** Why the event was not taken; undefined: it was, in the runbook's shape. */
async function knock(request: E2eRequest, event: object): Promise<Refusal | undefined> {
  const { signal, post, token } = request;
  try {
    const body = JSON.stringify(event);
    const json = { 'content-type': 'application/json' };
    // What stands between keeps `authorization` for itself.
    const proxied = { ...json, ...(token ? { 'x-ingest-token': token } : {}) };
    const answer = await (post ? post('/ingest/hrv', proxied, body) : fetchFrom(request, json, body));
    if (answer.status < 300 && isReceipt(answer.body)) return undefined;
    const hint = answer.status === 401 ? '; set INGEST_TOKEN to the token that it asks for' : '';
    return { says: `the front door answers ${answer.status} ${answer.body.slice(0, 200)}${hint}` };
  } catch (error) {
    signal.throwIfAborted();
    const says = `the front door does not answer: ${reasonOf(error)}`;
    return error instanceof OpsError && error.code === 'pod-unreachable'
      ? { says, isNobodyThere: true }
      : { says };
  }
}

async function fetchFrom(
  { frontDoor, token, timeoutMs, signal }: E2eRequest,
  headers: Record<string, string>,
  body: string,
): Promise<Answer> {
  const response = await fetch(new URL('/ingest/hrv', frontDoor), {
    method: 'POST',
    headers: { ...headers, ...(token ? { authorization: `Bearer ${token}` } : {}) },
    body,
    signal: abortAfter(timeoutMs, signal),
  });
  return { status: response.status, body: await response.text() };
}

function isReceipt(body: string): boolean {
  try {
    const { status, timestamp } = JSON.parse(body) as { status?: unknown; timestamp?: unknown };
    return status === 'received' && !Number.isNaN(Date.parse(String(timestamp)));
  } catch {
    return false;
  }
}
