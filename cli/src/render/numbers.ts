/** `12,345`: whole numbers as people read them. */
export const formatCount = (value: number): string => value.toLocaleString('en-US');

/** `1 stream`, `3 streams`, `2 entries`. */
export const formatAmount = (value: number, one: string, many = `${one}s`): string =>
  `${formatCount(value)} ${value === 1 ? one : many}`;

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** Bytes, rounded for reading: `17 B`, `1.2 MiB`. For the exact value see formatSize of the topology. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit]}`;
}

/** ms, rounded for reading: `0.4 ms`, `18 ms`, `3.2 s`, `4 m 10 s`, `2 h 5 m`, `3 d 4 h`. */
export function formatMs(ms: number): string {
  if (ms < 10) return `${trim(ms.toFixed(1))} ms`;
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${trim((ms / 1000).toFixed(1))} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return pair(seconds, 60, 'm', 's');
  const minutes = Math.round(seconds / 60);
  if (minutes < 1440) return pair(minutes, 60, 'h', 'm');
  return pair(Math.round(minutes / 60), 24, 'd', 'h');
}

const trim = (text: string): string => text.replace(/\.0$/, '');
const pair = (value: number, base: number, large: string, small: string): string => {
  const rest = value % base;
  return `${Math.floor(value / base)} ${large}${rest === 0 ? '' : ` ${rest} ${small}`}`;
};

/** How long ago an instant (RFC 3339) was: `3.2 s ago`, `never` for the zero time that Go writes. */
export function formatAgo(instant: string | undefined, now: number = Date.now()): string {
  const at = instant === undefined ? Number.NaN : Date.parse(instant);
  if (!Number.isFinite(at) || instant?.startsWith('0001-')) return 'never';
  return `${formatMs(Math.max(0, now - at))} ago`;
}
