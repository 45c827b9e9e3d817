import { Composer, type Document, type ErrorCode, Lexer, LineCounter, Parser } from 'yaml';
import type { Located, Place } from './located.ts';
import { locateNodes } from './locateNodes.ts';
import type { Problem } from './problem.ts';
import type { Source } from './readSources.ts';

/** The parser recurses, and dies with the whole process a few thousand levels down; a topology needs ten. */
const MAX_NESTING = 200;
/** A file of garbage has one error a line; nobody reads the thousandth. */
const MAX_PROBLEMS = 20;

const explained: Partial<Record<ErrorCode, [code: string, message: string, fix: string]>> = {
  TAB_AS_INDENT: ['tab', 'a tab indents this line', 'indent with spaces'],
  BAD_INDENT: ['yaml-syntax', 'the indentation does not fit', 'indent it like the line that it belongs to'],
};

/** Parses one file; `node` is absent where nothing of it can be used. Never throws. */
export function parseYaml({ file, text }: Source): { node?: Located; problems: Problem[] } {
  const lines = new LineCounter();
  lines.addNewLine(0);
  const placeAt = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { file, line, column: col };
  };
  const problems: Problem[] = [];
  const report = (offset: number, code: string, message: string, fix: string) =>
    problems.push({ ...placeAt(offset), code, severity: 'error', message, fix });

  const documents = compose(text, lines, report);
  if (!documents) return { problems };
  const [document, second] = documents;
  if (second)
    report(
      second.range[0],
      'several-documents',
      'a second YAML document begins here',
      'move it to a file of its own',
    );
  const errors = [...(document?.errors ?? []), ...(document?.warnings ?? [])];
  for (const error of errors.slice(0, MAX_PROBLEMS)) {
    const [code, message, fix] = unclosed(error) ??
      explained[error.code] ?? ['yaml-syntax', oneLine(error.message), 'write valid YAML'];
    report(error.pos[0], code, message, fix);
  }
  if (errors.length > MAX_PROBLEMS) {
    const more = errors.length - MAX_PROBLEMS;
    report(
      errors[MAX_PROBLEMS]?.pos[0] ?? 0,
      'yaml-syntax',
      `${more} more errors follow`,
      'mend the first ones first',
    );
  }
  if (!document?.contents) {
    if (errors.length === 0)
      report(0, 'empty-file', 'the file is empty', 'write a topology: docs/topology.md');
    return { problems };
  }
  // After a syntax error the tree is a guess: what it says would only confuse.
  if (document.errors.length > 0) return { problems };
  return { node: locateNodes(document, placeAt, report), problems };
}

function compose(
  text: string,
  lines: LineCounter,
  report: (offset: number, code: string, message: string, fix: string) => void,
): Document.Parsed[] | undefined {
  const parser = new Parser(lines.addNewLine);
  // Duplicates are found by locateNodes: the parser's own check takes a minute for 100,000 keys.
  const composer = new Composer({ uniqueKeys: false, prettyErrors: false, merge: false, logLevel: 'silent' });
  let deepest: number | undefined;
  function* tokens() {
    for (const lexeme of new Lexer().lex(text)) {
      yield* parser.next(lexeme);
      if (parser.stack.length > MAX_NESTING) {
        deepest = parser.offset;
        return;
      }
    }
    yield* parser.end();
  }
  const tokenList = [...tokens()];
  if (deepest !== undefined) {
    report(
      deepest,
      'yaml-too-deep',
      `values are nested more than ${MAX_NESTING / 2} deep`,
      'name a topology file',
    );
    return undefined;
  }
  return [...composer.compose(tokenList, true, text.length)] as Document.Parsed[];
}

/** What is not closed is bad indentation to the parser: it meets the next line before the end. */
function unclosed({
  message,
}: {
  message: string;
}): [code: string, message: string, fix: string] | undefined {
  const [, end] = /end with a ([}\]])/.exec(message) ?? [];
  if (end === undefined) return undefined;
  const begin = end === '}' ? '{' : '[';
  const fix = `close it with ${end}, and indent what stands in it deeper than the line that it begins in`;
  return ['yaml-syntax', `a ${begin} that was opened before is not closed here`, fix];
}

/** The parser quotes whole blocks of what it did not understand. */
function oneLine(message: string): string {
  const text = message.charAt(0).toLowerCase() + message.slice(1).replace(/\.$/, '');
  const [first = ''] = text.split('\n');
  return first.length > 100 || first !== text ? `${first.slice(0, 99)}…` : first;
}
