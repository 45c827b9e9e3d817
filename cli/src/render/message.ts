import { parseHeaders, type StoredMessage } from '@aa-ops/topology';
import { clean } from './clean.ts';
import { formatBytes } from './numbers.ts';
import { type Paint, plainPaint } from './paint.ts';

/** Characters of a payload that are shown to people; JSON has all of it. */
const SHOWN = 2_000;

/** A stored message as JSON: text where the payload is UTF-8, else base64. */
export function messageDocument(message: StoredMessage) {
  const text = utf8(message.data);
  return {
    seq: message.seq,
    subject: message.subject,
    time: message.time,
    headers: headersOf(message),
    size: message.data.length,
    ...(text === undefined ? { dataBase64: Buffer.from(message.data).toString('base64') } : { data: text }),
  };
}

/** A message for people. Nothing of it reaches the terminal as it is: whoever may publish could write escape sequences. */
export function renderMessage(message: StoredMessage, paint: Paint = plainPaint): string {
  const document = messageDocument(message);
  const headers = Object.entries(document.headers).flatMap(([key, values]) =>
    values.map((value) => `  ${paint.dim(`${clean(key)}:`)} ${clean(value)}`),
  );
  return [
    `${paint.bold(`#${document.seq}`)}  ${clean(document.subject)}  ${clean(document.time)}  ${formatBytes(document.size)}`,
    ...headers,
    ...(document.size === 0 ? [] : [`  ${body(document)}`]),
  ].join('\n');
}

function headersOf(message: StoredMessage): Record<string, string[]> {
  const headers = new Map<string, string[]>();
  for (const [key, value] of parseHeaders(message.headers))
    headers.set(key, [...(headers.get(key) ?? []), value]);
  return Object.fromEntries(headers);
}

function body(document: ReturnType<typeof messageDocument>): string {
  const [text, what] =
    'data' in document ? [document.data, 'characters'] : [document.dataBase64, 'characters of base64'];
  const start = clean(text.slice(0, SHOWN));
  return text.length > SHOWN ? `${start}… (${text.length} ${what}, all with --output json)` : start;
}

function utf8(data: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(data);
  } catch {
    return undefined;
  }
}
