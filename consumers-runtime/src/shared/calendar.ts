/** What the digits from `from` to `to` say; no pieces of text are made, since this runs 100,000 times a second. */
export function number(text: string, from: number, to: number): number {
  let value = 0;
  for (let i = from; i < to; i++) value = value * 10 + text.charCodeAt(i) - 48;
  return value;
}

/** Days until 1970-01-01 of a calendar whose years begin in March of the year 0. */
const DAYS_UNTIL_1970 = 719_468;

/** A day of the proleptic Gregorian calendar. The year is taken to begin in March, so that a leap day ends it. */
export function daysSince1970(year: number, month: number, day: number): number {
  const years = month < 3 ? year - 1 : year;
  const daysFromMarch = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1;
  const leapDays = Math.floor(years / 4) - Math.floor(years / 100) + Math.floor(years / 400);
  return years * 365 + leapDays + daysFromMarch - DAYS_UNTIL_1970;
}
