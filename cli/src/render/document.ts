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
