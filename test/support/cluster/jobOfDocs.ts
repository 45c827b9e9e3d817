import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import type { Json } from './api.ts';

/** The Job of docs/kubernetes.md, as a person copies it. */
export async function jobOfDocs(): Promise<Json> {
  const docs = await readFile(new URL('../../../docs/kubernetes.md', import.meta.url), 'utf8');
  const [, text] = /^```yaml\n(apiVersion: batch\/v1\n.*?)^```$/ms.exec(docs)!;
  return parse(text!) as Json;
}
