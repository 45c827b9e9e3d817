// What a bundle has to say of the packages in it: their names, versions and licences, word for word.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** The name of that file, beside the bundle. */
export const NOTICES = 'THIRD-PARTY-NOTICES';

const HEAD = `The bundles beside this file hold code of the packages below, each under the licence that follows its name.`;
const LINE = '-'.repeat(80);

/** The text for what esbuild's metafile says is in its outputs; `root` is where its paths begin. Throws for a package without a licence. */
export function noticesOf(metafile, root) {
  const byText = new Map();
  for (const folder of packagesIn(metafile)) {
    const { name, version, license, author } = JSON.parse(
      readFileSync(join(root, folder, 'package.json'), 'utf8'),
    );
    const text = ownText(join(root, folder)) ?? standardText(license, author);
    if (!text) throw new Error(`${name} ${version} has no text of its licence (${license})`);
    byText.set(text, [...(byText.get(text) ?? []), `${name} ${version} (${license})`]);
  }
  const parts = [...byText].map(([text, names]) => `${names.join('\n')}\n\n${text}`);
  return `${[HEAD, ...parts].join(`\n\n${LINE}\n\n`)}\n`;
}

/** Folders of packages of which something is left in an output. */
function packagesIn({ outputs }) {
  const inputs = Object.values(outputs).flatMap((output) => Object.entries(output.inputs));
  const used = inputs.filter(([, { bytesInOutput }]) => bytesInOutput > 0);
  const folders = used.flatMap(([path]) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(path)?.[0] ?? []);
  return [...new Set(folders)].sort();
}

/** Every file that is a licence or a notice, else what the README says under that heading. */
function ownText(folder) {
  const files = readdirSync(folder)
    .filter((name) => /^(?:un)?licen[sc]es?\b|^notice\b|^copying\b/i.test(name))
    .sort()
    .flatMap((name) => filesAt(join(folder, name)));
  if (files.length > 0) return files.map(readText).join('\n\n');
  const readme = join(folder, 'README.md');
  return existsSync(readme)
    ? /^#+ licen[sc]e\s*\n(?<text>[^]*?permission[^]*?)(?=^#|$(?![^]))/im
        .exec(readText(readme))
        ?.groups.text.trim()
    : undefined;
}

const filesAt = (path) =>
  statSync(path).isDirectory()
    ? readdirSync(path)
        .sort()
        .flatMap((name) => filesAt(join(path, name)))
    : [path];

const readText = (path) => readFileSync(path, 'utf8').replaceAll('\r\n', '\n').trim();

/** For a package that names its licence and nothing more. */
function standardText(license, author) {
  const who = typeof author === 'string' ? author : author?.name;
  if (license !== 'MIT' || !who) return undefined;
  return `Copyright (c) ${who}

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.`;
}
