/** Whether a stream with these subjects stores what is published to `subject` (which has no wildcards). */
export function hears(subjects: readonly string[], subject: string): boolean {
  const tokens = subject.split('.');
  return subjects.some((pattern) => matches(pattern.split('.'), tokens));
}

function matches(pattern: readonly string[], tokens: readonly string[]): boolean {
  for (const [i, part] of pattern.entries()) {
    if (part === '>') return tokens.length > i;
    if (i >= tokens.length || (part !== '*' && part !== tokens[i])) return false;
  }
  return pattern.length === tokens.length;
}
