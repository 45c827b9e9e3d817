import { Document, visit } from 'yaml';
import { escapeRest, hasControl } from './clean.ts';

// Block scalars of whitespace do not read back the same (yaml 2.9), and folded lines only puzzle.
const ON_ONE_LINE = { lineWidth: 0, blockQuote: false, doubleQuotedMinMultiLineLength: Infinity } as const;

/** A JSON-safe value as YAML that reads back to the same, without anchors, long lines unfolded, control characters escaped. */
export function renderYaml(value: unknown): string {
  // By way of JSON: what JSON leaves out (undefined, methods) must not turn up here; anchors would be read as references.
  const document = new Document(JSON.parse(JSON.stringify(value)), { aliasDuplicateObjects: false });
  visit(document, {
    Scalar(_key, node) {
      if (typeof node.value === 'string' && hasControl(node.value)) node.type = 'QUOTE_DOUBLE';
    },
  });
  return escapeRest(document.toString(ON_ONE_LINE));
}
