import { cleanRendered, escapeRest, hasControl } from './clean.ts';

export type OutputFormat = 'text' | 'json' | 'yaml';

/** One document as `--output` wants it, ending in a newline (an empty text stays empty). The YAML writer is loaded on demand. */
export async function renderDocument(
  format: OutputFormat,
  document: { json: unknown; text: string },
): Promise<string> {
  if (format === 'text')
    return document.text === '' ? '' : `${cleanRendered(document.text.replace(/\n+$/, ''))}\n`;
  if (format === 'json') return `${escapeRest(JSON.stringify(document.json, undefined, 2))}\n`;
  return renderYaml(document.json);
}

async function renderYaml(value: unknown): Promise<string> {
  const { Document, visit } = await import('yaml');
  // By way of JSON: what JSON leaves out (undefined, methods) must not turn up here; anchors would be read as references.
  const document = new Document(JSON.parse(JSON.stringify(value)), { aliasDuplicateObjects: false });
  visit(document, {
    Scalar(_key, node) {
      if (typeof node.value === 'string' && hasControl(node.value)) node.type = 'QUOTE_DOUBLE';
    },
  });
  return escapeRest(document.toString({ lineWidth: 0 }));
}
