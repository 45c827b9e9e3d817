/** The candidate that was most likely meant: the same but for case and separators, or a few letters away. */
export function suggest(word: string, candidates: Iterable<string>): string | undefined {
  const plain = (text: string) => text.toLowerCase().replace(/[^a-z0-9]/g, '');
  let best: string | undefined;
  let bestDistance = Infinity;
  for (const candidate of candidates) {
    if (plain(candidate) === plain(word)) return candidate;
    const length = Math.min(word.length, candidate.length);
    const allowed = length < 3 ? 0 : Math.floor(length / 3);
    const distance = editDistance(word.slice(0, 64), candidate);
    if (distance <= allowed && distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** Insertions, deletions, replacements and swaps of neighbours (Damerau-Levenshtein, optimal string alignment). */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const changed = a[i - 1] === b[j - 1] ? 0 : 1;
      let least = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + changed);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        least = Math.min(least, (before[j - 2] ?? 0) + 1);
      row.push(least);
    }
    [before, last] = [last, row];
  }
  return last[b.length] ?? 0;
}

/** `write storage` where one was likely meant, else the names to choose from. */
export function chooseFrom(word: string, candidates: readonly string[]): string {
  const meant = suggest(word, candidates);
  if (meant !== undefined) return `write ${meant}`;
  return candidates.length === 0 ? 'there is none to choose from' : `choose one of ${candidates.join(', ')}`;
}
