import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** An error, a finding or a warning as the source has it. What is filled in while it runs is in capitals, or `…`. */
export interface Coded {
  code: string;
  sort: 'error' | 'finding' | 'warning';
  /** OpsError's `kind`; of a finding its severity. */
  kind: string;
  message: string;
  hint: string;
}

/** Every `new OpsError(…)`, finding and warning notice below some folders or in some files, by code. */
export function codesIn(paths: readonly string[]): Coded[] {
  return paths
    .flatMap((path) => sourcesAt(join(root, path)))
    .flatMap((file) =>
      codesOf(ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true)),
    )
    .sort((a, b) => a.code.localeCompare(b.code));
}

const sourcesAt = (path: string): string[] =>
  statSync(path).isDirectory()
    ? readdirSync(path)
        .sort()
        .flatMap((name) => sourcesAt(join(path, name)))
    : path.endsWith('.ts')
      ? [path]
      : [];

function codesOf(source: ts.SourceFile): Coded[] {
  const found: Coded[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isNewExpression(node) && node.expression.getText() === 'OpsError') found.push(...thrown(node));
    else if (ts.isCallExpression(node) && node.expression.getText() === 'refuse')
      found.push(...refused(node));
    else if (ts.isObjectLiteralExpression(node)) found.push(...noted(node));
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

function thrown({
  arguments: [code, message, options] = ts.factory.createNodeArray(),
}: ts.NewExpression): Coded[] {
  if (!code || !message) return [];
  const more = options && ts.isObjectLiteralExpression(options) ? options : undefined;
  const kind = textOf(property(more, 'kind')) || 'failed';
  const hint = textOf(property(more, 'hint'));
  return codeTexts(code).map((text) => ({ code: text, sort: 'error', kind, message: textOf(message), hint }));
}

/** `refuse(code, message, hint)` of the limits: a finding that refuses. */
const refused = ({ arguments: [code, message, hint] }: ts.CallExpression): Coded[] =>
  code && message && hint
    ? codeTexts(code).map((text) => ({
        code: text,
        sort: 'finding',
        kind: 'refuse',
        message: textOf(message),
        hint: textOf(hint),
      }))
    : [];

/** Object literals: findings have a severity, notices a level. */
function noted(node: ts.ObjectLiteralExpression): Coded[] {
  const code = property(node, 'code');
  const message = property(node, 'message');
  if (!code || !message) return [];
  const severity = property(node, 'severity');
  if (!severity && !textOf(property(node, 'level')).includes('warn')) return [];
  return codeTexts(code).map((text) => ({
    code: text,
    sort: severity ? 'finding' : 'warning',
    kind: severity ? textOf(severity) : 'warn',
    message: textOf(message),
    hint: textOf(property(node, 'hint')),
  }));
}

function property(node: ts.ObjectLiteralExpression | undefined, name: string): ts.Expression | undefined {
  for (const one of node?.properties ?? []) {
    if (ts.isPropertyAssignment(one) && one.name.getText() === name) return one.initializer;
    if (ts.isShorthandPropertyAssignment(one) && one.name.text === name) return one.name;
  }
  return undefined;
}

/** The codes that an expression may be: a literal, both sides of a condition, a template with `*` for what varies. */
function codeTexts(node: ts.Expression): string[] {
  if (ts.isStringLiteralLike(node)) return [node.text];
  if (ts.isConditionalExpression(node)) return [...codeTexts(node.whenTrue), ...codeTexts(node.whenFalse)];
  if (ts.isTemplateExpression(node))
    return [node.head.text + node.templateSpans.map((span) => `*${span.literal.text}`).join('')];
  return [];
}

/** An expression as a reader of the docs has to see it. */
function textOf(node: ts.Expression | undefined): string {
  if (!node) return '';
  if (ts.isStringLiteralLike(node)) return node.text;
  if (ts.isTemplateExpression(node))
    return (
      node.head.text +
      node.templateSpans.map((span) => placeholder(span.expression) + span.literal.text).join('')
    );
  if (ts.isConditionalExpression(node)) return `${textOf(node.whenTrue)} / ${textOf(node.whenFalse)}`;
  if (ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.PlusToken)
    return textOf(node.left) + textOf(node.right);
  if (ts.isIdentifier(node)) return textOf(declared(node)) || '…';
  return '…';
}

/** A name says more than an ellipsis, except for a message that is passed on. */
function placeholder(node: ts.Expression): string {
  const name = ts.isIdentifier(node)
    ? node.text
    : ts.isPropertyAccessExpression(node)
      ? node.name.text
      : undefined;
  if (name === undefined || ['message', 'length', 'what', 'why', 'more', 'shown'].includes(name)) return '…';
  return name.replace(/([a-z])([A-Z])/g, '$1_$2').toUpperCase();
}

/** What a local constant of that name, the nearest before its use, was made of. */
function declared(use: ts.Identifier): ts.Expression | undefined {
  let value: ts.Expression | undefined;
  const visit = (node: ts.Node): void => {
    if (node.getStart() >= use.getStart()) return;
    if (ts.isVariableDeclaration(node) && node.name.getText() === use.text && node.initializer)
      value = node.initializer;
    ts.forEachChild(node, visit);
  };
  visit(use.getSourceFile());
  return value === use ? undefined : value;
}
