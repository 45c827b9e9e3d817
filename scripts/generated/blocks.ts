/**
 * Replaces what stands between `<!-- generated: NAME -->` and `<!-- /generated -->` of a Markdown file. Throws where the
 * file has no such block.
 */
export function replaceBlocks(markdown: string, blocks: Record<string, string>): string {
  return Object.entries(blocks).reduce((text, [name, content]) => {
    const begin = `<!-- generated: ${name} -->`;
    const from = text.indexOf(begin);
    const to = text.indexOf('<!-- /generated -->', from);
    if (from === -1 || to === -1) throw new Error(`there is no block ${begin} … <!-- /generated -->`);
    return `${text.slice(0, from)}${begin}\n${content.trim()}\n${text.slice(to)}`;
  }, markdown);
}

/** A Markdown table; `|` in a cell is escaped. */
export const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows]
    .map((cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`)
    .join('\n');
