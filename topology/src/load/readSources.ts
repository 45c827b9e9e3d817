import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../errors.ts';
import type { Problem } from './problem.ts';

/** A topology of 10,000 streams is some 2 MB; what is larger is not one. */
const MAX_BYTES = 16 * 2 ** 20;

export interface Source {
  /** As it was named, for messages. */
  file: string;
  text: string;
}

/** Reads one file, or every `*.yaml` and `*.yml` of a folder by name. Never throws: what cannot be read is a problem. */
export async function readSources(path: string): Promise<{ sources: Source[]; problems: Problem[] }> {
  const sources: Source[] = [];
  const problems: Problem[] = [];
  const add = (file: string, code: string, message: string, fix: string) =>
    problems.push({ file, line: 1, column: 1, code, severity: 'error', message, fix });
  for (const file of await listFiles(path, add)) {
    const bytes = await readBytes(file, add);
    if (!bytes) continue;
    const decoded = decode(file, bytes);
    if ('text' in decoded) sources.push(decoded);
    else problems.push(decoded);
  }
  return { sources, problems };
}

type Add = (file: string, code: string, message: string, fix: string) => void;

async function listFiles(path: string, add: Add): Promise<string[]> {
  try {
    if (!(await stat(path)).isDirectory()) return [path];
    const names = (await readdir(path)).filter((name) => /\.ya?ml$/i.test(name)).sort();
    if (names.length === 0)
      add(
        path,
        'no-topology',
        `the folder ${path} has no *.yaml file`,
        'name the file or its folder with --topology',
      );
    return names.map((name) => join(path, name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT')
      add(path, 'no-topology', `${path} does not exist`, 'name the file or its folder with --topology');
    else add(path, 'unreadable-file', `cannot read ${path}: ${messageOf(error)}`, 'make it readable');
    return [];
  }
}

async function readBytes(file: string, add: Add): Promise<Buffer | undefined> {
  try {
    const facts = await stat(file);
    if (!facts.isFile()) add(file, 'unreadable-file', `${file} is not a regular file`, 'name a YAML file');
    else if (facts.size > MAX_BYTES)
      add(
        file,
        'file-too-large',
        `${file} has ${facts.size} bytes, more than ${MAX_BYTES}`,
        'split it, or name another file',
      );
    else return await readFile(file);
  } catch (error) {
    add(file, 'unreadable-file', `cannot read ${file}: ${messageOf(error)}`, 'make it readable');
  }
  return undefined;
}

/** UTF-8, with or without a byte order mark; anything else is named by its first wrong byte. */
function decode(file: string, bytes: Buffer): Source | Problem {
  const at = firstBadByte(bytes);
  if (at === undefined) return { file, text: bytes.toString('utf8').replace(/^\uFEFF/, '') };
  const before = bytes
    .subarray(0, at)
    .toString('utf8')
    .replace(/^\uFEFF/, '')
    .split('\n');
  const utf16 = at === 0 && (bytes.readUInt16BE(0) === 0xfffe || bytes.readUInt16BE(0) === 0xfeff);
  return {
    file,
    line: before.length,
    column: (before.at(-1)?.length ?? 0) + 1,
    code: 'not-utf8',
    severity: 'error',
    message: utf16
      ? 'the file is UTF-16, not UTF-8'
      : `byte 0x${bytes[at]?.toString(16).padStart(2, '0')} at offset ${at} is not UTF-8 text`,
    fix: 'save the file as UTF-8',
  };
}

function firstBadByte(bytes: Buffer): number | undefined {
  const nul = bytes.indexOf(0);
  const text = bytes.toString('utf8');
  let from = 0;
  for (;;) {
    const found = text.indexOf('\uFFFD', from);
    if (found === -1) return nul === -1 ? undefined : nul;
    const at = Buffer.byteLength(text.slice(0, found));
    // A replacement character that stands in the file itself is text like any other.
    if (bytes.subarray(at, at + 3).toString('latin1') !== '\xEF\xBF\xBD')
      return nul === -1 ? at : Math.min(at, nul);
    from = found + 1;
  }
}
