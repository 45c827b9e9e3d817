import { type OutputFormat, renderDocument, renderOneOf } from '../render/document.ts';
import type { Sink } from './output.ts';

export interface Document {
  json: unknown;
  text: string;
}

/** What a command puts on stdout: one document at its end, or one of several whenever there is news, and then one more at its end. */
export interface Documents {
  /** One of several; a terminal shows the newest text only. */
  show(format: OutputFormat, document: Document): Promise<void>;
  /** The one that it ends with. */
  end(format: OutputFormat, document: Document): Promise<void>;
}

/** Home, and nothing behind it: what stood there before is written over. */
const CLEAR = '\u001b[H\u001b[2J';

export function openDocuments(stdout: Sink): Documents {
  let isOneOfSeveral = false;
  return {
    async show(format, document) {
      isOneOfSeveral = true;
      const text = await renderOneOf(format, document);
      await stdout.write(stdout.isTTY && format === 'text' ? `${CLEAR}${text}` : text);
    },
    async end(format, document) {
      const render = isOneOfSeveral ? renderOneOf : renderDocument;
      await stdout.write(await render(format, document));
    },
  };
}
