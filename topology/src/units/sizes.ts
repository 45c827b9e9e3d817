const BYTES = { B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 } as const;
type Unit = keyof typeof BYTES;

/** A number with a binary unit: `512B`, `64KiB`, `1.5GiB`. `KB` is refused: some read 1000 and some 1024. */
export const SIZE_PATTERN = /^(\d+(?:\.\d+)?)(B|KiB|MiB|GiB|TiB)$/;

/** Bytes; undefined where the text is no size, or not a whole number of bytes that a JSON number holds exactly. */
export function parseSize(text: string): number | undefined {
  const [, amount, unit] = SIZE_PATTERN.exec(text) ?? [];
  const bytes = Number(amount) * BYTES[unit as Unit];
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** The largest unit that divides it: `64KiB`, `10GiB`, `1500B`. Exact: parseSize gives the same bytes back. */
export function formatSize(bytes: number): string {
  for (const unit of ['TiB', 'GiB', 'MiB', 'KiB'] as const)
    if (bytes > 0 && bytes % BYTES[unit] === 0) return `${bytes / BYTES[unit]}${unit}`;
  return `${bytes}B`;
}
