/** What stands beside some titles of an outline (seedOutline.ts). */
export interface Row {
  /** Titles of the outline that this answers; one row may answer several. */
  of: readonly string[];
  /** The step, command or feature that does it. A command that the catalog does not have yet is marked by the generator. */
  here: string;
  /** Shown only while a command that `here` names is not there. */
  until?: string;
  /** What is different, and why. */
  why?: string;
}

export interface Chapter {
  title: string;
  rows: readonly Row[];
}

const COMMAND = /`aa-ops ([a-z]+)( [a-z]+)?/g;

/** The commands that a text names, as the catalog nests them: `streams apply`, `migrate`. */
export const commandsIn = (text: string): string[] =>
  [...text.matchAll(COMMAND)].map(([, name, sub = '']) => `${name}${sub}`);

/** The second cell of a row: commands that `isThere` does not know are marked, and `until` says what to do meanwhile. */
export function renderHere({ here, until }: Row, isThere: (command: string) => boolean): string {
  const missing = commandsIn(here).filter((command) => !isThere(command));
  if (missing.length === 0) return here;
  const marked = here.replace(/`aa-ops [^`]+`/g, (code) =>
    commandsIn(code).some((command) => missing.includes(command)) ? `${code} (**not yet**)` : code,
  );
  return until === undefined ? marked : `${marked}; until then: ${until}`;
}
