import { daysSince1970, number } from './calendar.ts';

/** The HRV event (docs/runtime.md), on the bus and in HTTP. */
export interface HrvEvent {
  /** 1 to 128 characters (code points). */
  userId: string;
  /** A day of the calendar, `YYYY-MM-DD`, from year 1. */
  date: string;
  /** Root mean square of successive differences, ms, above 0. */
  rmssd: number;
  /** When it was measured, ms since 1970; undefined when the event does not say. Finer digits than ms are cut off. */
  capturedAtMs: number | undefined;
}

/** Why a value is no HRV event: which field, and the value as far as it is short enough to show. */
export interface Invalid {
  /** Empty: the event as a whole. */
  field: string;
  /** Lower case, with the wrong value in it. */
  message: string;
}

export const isInvalid = (result: HrvEvent | Invalid): result is Invalid => 'message' in result;

const DATE = /^\d{4}-\d\d-\d\d$/;
/** As ingest and most producers write it. */
const PLAIN_INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?Z$/;
const INSTANT = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d(:\d\d([.,]\d{1,9})?)?([Zz]|[+-]\d\d(:?\d\d)?)$/;
const MAX_USER_ID = 128;
/** What PostgreSQL's timestamptz and a four-digit year have in common. */
const FIRST_INSTANT = Date.parse('0001-01-01T00:00:00Z');
const LAST_INSTANT = Date.parse('9999-12-31T23:59:59.999Z');
const DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/**
 * Checks one decoded JSON value. Written out by hand: four fields do not need a schema library, which would cost a pod
 * 59 ms of its start. Strict about what the database could not store (NUL, lone surrogates, year 0); keys it does not know
 * are ignored, so that producers may add some.
 */
export function checkHrvEvent(value: unknown): HrvEvent | Invalid {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { field: '', message: `the event must be an object, not ${show(value)}` };
  }
  const { userId, date, rmssd, capturedAt } = value as Record<string, unknown>;
  if (typeof userId !== 'string' || userId === '' || !fits(userId)) {
    return invalid('userId', `must be a string of 1 to ${MAX_USER_ID} characters`, userId);
  }
  if (userId.includes('\0') || !userId.isWellFormed()) {
    return invalid('userId', 'must not contain NUL or half a surrogate pair', userId);
  }
  if (typeof date !== 'string' || !DATE.test(date) || !isOnCalendar(date)) {
    return invalid('date', 'must be a day of the calendar as YYYY-MM-DD', date);
  }
  if (typeof rmssd !== 'number' || !(rmssd > 0) || rmssd === Infinity) {
    return invalid('rmssd', 'must be a number of milliseconds above 0', rmssd);
  }
  if (capturedAt === undefined || capturedAt === null)
    return { userId, date, rmssd, capturedAtMs: undefined };
  const capturedAtMs = typeof capturedAt === 'string' ? parseInstant(capturedAt) : undefined;
  if (capturedAtMs === undefined) {
    return invalid(
      'capturedAt',
      'must be an ISO 8601 instant with an offset, such as 2025-10-02T07:00:00Z',
      capturedAt,
    );
  }
  return { userId, date, rmssd, capturedAtMs };
}

/** Checks the bytes of one message or request. Never throws. */
export function parseHrvEvent(bytes: Uint8Array): HrvEvent | Invalid {
  let value: unknown;
  try {
    value = JSON.parse(utf8.decode(bytes));
  } catch {
    return { field: '', message: `the event is not JSON in UTF-8 (${bytes.length} bytes)` };
  }
  return checkHrvEvent(value);
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** UTF-16 units are at most twice the characters, so only what lies between is counted. */
function fits(userId: string): boolean {
  if (userId.length <= MAX_USER_ID) return true;
  return userId.length <= 2 * MAX_USER_ID && [...userId].length <= MAX_USER_ID;
}

/** Whether the first ten characters are a day of the calendar, given that they look like one. */
function isOnCalendar(text: string): boolean {
  const year = number(text, 0, 4);
  const month = number(text, 5, 7);
  const day = number(text, 8, 10);
  if (year === 0 || month < 1 || month > 12 || day < 1) return false;
  const leap = month === 2 && year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return day <= DAYS[month - 1]! + (leap ? 1 : 0);
}

function parseInstant(text: string): number | undefined {
  if (PLAIN_INSTANT.test(text)) return plainInstant(text);
  if (!INSTANT.test(text) || !isOnCalendar(text)) return undefined;
  const leaps = text.startsWith(':60', 16);
  const ms = Date.parse(
    (leaps ? `${text.slice(0, 17)}59${text.slice(19)}` : text)
      .toUpperCase()
      .replace(',', '.')
      .replace(/([+-]\d\d)$/, '$1:00')
      .replace(/([+-]\d\d)(\d\d)$/, '$1:$2'),
  );
  if (!(ms >= FIRST_INSTANT && ms <= LAST_INSTANT)) return undefined;
  if (!leaps) return ms;
  const next = ms + 1_000;
  return next <= LAST_INSTANT && (next - FIRST_INSTANT) % DAY_MS < 1_000 ? next : undefined;
}

const DAY_MS = 86_400_000;

/** By the number of digits behind the point. */
const MS_OF_LAST_DIGIT = [0, 100, 10, 1];

/** As Date.parse has it, in a fifth of the time. */
function plainInstant(text: string): number | undefined {
  if (!isOnCalendar(text)) return undefined;
  const hour = number(text, 11, 13);
  const minute = number(text, 14, 16);
  const second = number(text, 17, 19);
  const digits = Math.max(0, text.length - 21);
  const ms = number(text, 20, 20 + digits) * MS_OF_LAST_DIGIT[digits]!;
  const isMidnight = hour === 24 && minute + second + ms === 0;
  // A leap second ends a day of UTC; it is the first second of the next one, as to PostgreSQL.
  const leaps = second === 60 && minute === 59 && hour === 23;
  if ((hour > 23 && !isMidnight) || minute > 59 || (second > 59 && !leaps)) return undefined;
  const days = daysSince1970(number(text, 0, 4), number(text, 5, 7), number(text, 8, 10));
  const instant = (((days * 24 + hour) * 60 + minute) * 60 + second) * 1_000 + ms;
  return instant <= LAST_INSTANT ? instant : undefined; // a 9999-12-31T24:00 is none
}

const invalid = (field: string, rule: string, value: unknown): Invalid => ({
  field,
  message: value === undefined ? `${field} is missing: it ${rule}` : `${field} ${rule}, not ${show(value)}`,
});

/** A value in at most some 60 characters; a hostile one is never printed whole. */
function show(value: unknown): string {
  if (typeof value === 'string')
    return JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}...` : value);
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === 'object' && value !== null) return 'an object';
  return String(value);
}
