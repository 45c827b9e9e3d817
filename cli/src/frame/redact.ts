// `scheme://user:password@`: up to the last @ before a space or the next URL of a list, since a password may hold both.
const CREDENTIALS = /:\/\/(?:[^\s"'`,]|,(?!\w+:\/\/))*@/g;

/** Takes the credentials out of every URL in a text. */
export const redact = (text: string): string => text.replace(CREDENTIALS, '://***@');

/** The same in every string of a JSON-safe value. */
export function redactDeep(value: unknown): unknown {
  if (typeof value === 'string') return redact(value);
  if (Array.isArray(value)) return value.map(redactDeep);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, redactDeep(inner)]));
}
