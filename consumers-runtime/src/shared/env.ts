import { ConfigError } from './configError.ts';

/** The environment a process was started with; passed in, so that tests need not touch their own. */
export type Env = Readonly<Record<string, string | undefined>>;

/** A variable that is set and not blank. */
export function text(env: Env, name: string): string | undefined {
  const value = env[name]?.trim();
  return value === '' ? undefined : value;
}

/** Throws ConfigError naming the variable and what it is for. */
export function required(env: Env, name: string, what: string): string {
  const value = text(env, name);
  if (value === undefined) throw new ConfigError(`${name} is not set: ${what}`);
  return value;
}

/** A secret that closes a door; undefined: not set. Throws ConfigError on one that is set but blank, which would open the door silently. */
export function secret(env: Env, name: string): string | undefined {
  const value = text(env, name);
  if (value === undefined && env[name] !== undefined)
    throw new ConfigError(
      `${name} is set but blank: give it a value, or do not set it where no secret is wanted`,
    );
  return value;
}

/** What a client shows as `Authorization: Bearer`. Throws ConfigError on one that no header can carry; the value is never shown. */
export function bearer(name: string, token: string): string {
  if (/\s/.test(token))
    throw new ConfigError(
      `${name} has a blank inside, which no Authorization header can carry: take one without`,
    );
  return token;
}

/** A whole number within bounds, or the fallback. Throws ConfigError with the wrong value in it. */
export function integer(env: Env, name: string, fallback: number, min: number, max: number): number {
  const value = text(env, name);
  if (value === undefined) return fallback;
  const number = Number(value);
  if (!Number.isInteger(number) || number < min || number > max) {
    throw new ConfigError(`${name}="${value}" is not a whole number between ${min} and ${max}`);
  }
  return number;
}

/** A fraction between 0 and 1, or the fallback. */
export function ratio(env: Env, name: string, fallback: number): number {
  const value = text(env, name);
  if (value === undefined) return fallback;
  const number = Number(value);
  if (!(number >= 0 && number <= 1))
    throw new ConfigError(`${name}="${value}" is not a number between 0 and 1`);
  return number;
}

/** `true`, `1`, `yes`, `on` and their opposites, in any case. */
export function flag(env: Env, name: string, fallback: boolean): boolean {
  const value = text(env, name)?.toLowerCase();
  if (value === undefined) return fallback;
  if (['true', '1', 'yes', 'on'].includes(value)) return true;
  if (['false', '0', 'no', 'off'].includes(value)) return false;
  throw new ConfigError(`${name}="${value}" is neither true nor false`);
}

/** One of a few words, or the fallback. */
export function choice<T extends string>(env: Env, name: string, choices: readonly T[], fallback: T): T {
  const value = text(env, name);
  if (value === undefined) return fallback;
  const found = choices.find((one) => one === value);
  if (found === undefined) throw new ConfigError(`${name}="${value}" is none of ${choices.join(', ')}`);
  return found;
}

/** Comma-separated words without blanks, or the fallback. */
export function list(env: Env, name: string, fallback: readonly string[]): readonly string[] {
  const value = text(env, name);
  if (value === undefined) return fallback;
  const items = value.split(',').map((item) => item.trim());
  if (items.some((item) => item === '')) throw new ConfigError(`${name}="${value}" has an empty item`);
  return items;
}
