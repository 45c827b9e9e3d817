// Everything that a terminal would obey: C0 but tab and newline, DEL, C1, and the marks that turn the direction of text.
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

const shown = (char: string): string =>
  char.charCodeAt(0) < 0x100
    ? `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`
    : `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;

/**
 * Makes text of a server, a file or the command line safe to print: control characters are shown as `\x1b`, a tab or a
 * newline as a space, so that what was one line stays one.
 */
export const clean = (text: string): string => text.replace(/[\t\n]/g, ' ').replace(CONTROL, shown);

/** As `clean`, but keeps the lines and tabs of a text that has several. */
export const cleanLines = (text: string): string => text.replace(CONTROL, shown);

// What chalk writes: SGR, numbers and semicolons only.
const COLOUR = /(\u001b\[[0-9;]*m)/;

/** As `cleanLines`, but lets colours through: the last guard before a rendered text is written. */
export const cleanRendered = (text: string): string =>
  text
    .split(COLOUR)
    .map((part, index) => (index % 2 === 1 ? part : cleanLines(part)))
    .join('');

/** Whether there is anything in it that a terminal would obey. */
export const hasControl = (text: string): boolean => text.search(CONTROL) !== -1;

/** The same guard for JSON and YAML, which escape C0 themselves: what is left is escaped as both of them read it. */
export const escapeRest = (document: string): string =>
  document.replace(CONTROL, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
