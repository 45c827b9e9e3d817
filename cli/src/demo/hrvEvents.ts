import { readFileSync } from 'node:fs';
import type { Identity } from '../traffic/index.ts';
import { shippedFile } from './shippedFile.ts';

/** The HRV event, as `POST /ingest/hrv` takes it and the bus carries it. */
export interface HrvEvent {
  userId: string;
  date: string;
  /** ms */
  rmssd: number;
  capturedAt: string;
}

/** All synthetic users are called so; the RMSSD values are real. */
export const USER_PREFIX = 'synthetic-';

const USERS = 20;
const DAYS = 40;
const FIRST_DAY = Date.UTC(2025, 0, 1);
const DAY_MS = 86_400_000;
const FIRST_CAPTURE = Date.UTC(2025, 8, 1);
const CAPTURE_STEP_MS = 1_000;
/** A straggler was captured an hour before its turn: it must not take the place of a newer value. */
const LATE_MS = 3_600_000;
const LATE_MARK_MS = 1;

/** The RMSSD column of examples/hrv-5min.csv, ms. */
export function readHrvValues(): number[] {
  const [, ...lines] = readFileSync(shippedFile('examples/hrv-5min.csv'), 'utf8').trim().split('\n');
  return lines.map((line) => Number(line.split(',')[3]));
}

/**
 * A publisher's n-th event: real values laid over synthetic users and days. Every user and day comes again and again with
 * newer values, some of them late; each instant is its own, so that the event can be told from its payload alone.
 */
export function hrvEventOf(publisher: string, n: number, values: readonly number[]): HrvEvent {
  const user = n % USERS;
  const day = Math.floor(n / USERS) % DAYS;
  const late = n % 7 === 3 ? LATE_MARK_MS - LATE_MS : 0;
  return {
    userId: `${USER_PREFIX}${publisher}-${String(user).padStart(2, '0')}`,
    date: new Date(FIRST_DAY + day * DAY_MS).toISOString().slice(0, 10),
    rmssd: values[n % values.length]!,
    capturedAt: new Date(FIRST_CAPTURE + n * CAPTURE_STEP_MS + late).toISOString(),
  };
}

/** Whose event it is, from its payload; undefined for one that was not made here. */
export function identifyHrvEvent(payload: Uint8Array): Identity | undefined {
  let event: Partial<HrvEvent>;
  try {
    event = JSON.parse(new TextDecoder().decode(payload)) as Partial<HrvEvent>;
  } catch {
    return undefined;
  }
  const publisher = new RegExp(`^${USER_PREFIX}(.+)-\\d+$`).exec(event?.userId ?? '')?.[1];
  const captured = Date.parse(event?.capturedAt ?? '');
  if (publisher === undefined || Number.isNaN(captured)) return undefined;
  const late = captured % CAPTURE_STEP_MS === LATE_MARK_MS ? LATE_MS - LATE_MARK_MS : 0;
  return { publisher, n: (captured + late - FIRST_CAPTURE) / CAPTURE_STEP_MS };
}
