import { cleanRendered, escapeRest } from './clean.ts';

export type OutputFormat = 'text' | 'json' | 'yaml';

/** One document as `--output` wants it, ending in a newline (an empty text stays empty). The YAML writer is loaded on demand. */
export async function renderDocument(
  format: OutputFormat,
  document: { json: unknown; text: string },
): Promise<string> {
  if (format === 'text')
    return document.text === '' ? '' : `${cleanRendered(document.text.replace(/\n+$/, ''))}\n`;
  if (format === 'json') return `${escapeRest(JSON.stringify(document.json, undefined, 2))}\n`;
  const { renderYaml } = await import('./yaml.ts');
  return renderYaml(document.json);
}

/** One document of several: JSON on one line, YAML behind `---`, a text with an empty line behind it. */
export async function renderOneOf(
  format: OutputFormat,
  document: { json: unknown; text: string },
): Promise<string> {
  if (format === 'json') return `${escapeRest(JSON.stringify(document.json))}\n`;
  const text = await renderDocument(format, document);
  return format === 'yaml' ? `---\n${text}` : `${text}\n`;
}
