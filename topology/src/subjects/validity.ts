/** What separates tokens; a token is anything non-empty without whitespace (server/sublist.go, IsValidSubject). */
const WHITESPACE = /[\s\0]/u;

/** Splits a subject or filter into its tokens. */
export const tokensOf = (subject: string): string[] => subject.split('.');

/** May carry wildcards: `*` for exactly one token, `>` as the last token for one or more. `a*` is a plain token. */
export function isValidFilter(subject: string): boolean {
  if (subject === '' || WHITESPACE.test(subject)) return false;
  const tokens = tokensOf(subject);
  return tokens.every((token, at) => token !== '' && (token !== '>' || at === tokens.length - 1));
}

/** A subject that a message can be published to: valid and without wildcards. */
export const isValidSubject = (subject: string): boolean => isValidFilter(subject) && isLiteral(subject);

/** No token of it is a wildcard. */
export const isLiteral = (subject: string): boolean =>
  !tokensOf(subject).some((token) => token === '*' || token === '>');
