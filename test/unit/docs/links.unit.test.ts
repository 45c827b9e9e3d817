import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';

const pagesBelow = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(folder, name));

const docs = pagesBelow('docs');
const pages = ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'SECURITY.md', ...docs];
const linksOf = (text: string): string[] =>
  [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link!).filter((link) => !/^[a-z]+:/.test(link));

/** As GitHub makes them. */
const anchorsOf = (text: string): string[] =>
  [...text.matchAll(/^#+ (.+)$/gm)].map(([, title]) =>
    title!
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );

function leadsSomewhere(page: string, link: string): boolean {
  const [path = '', anchor] = link.split('#');
  const target = path === '' ? page : normalize(join(dirname(page), path));
  if (!existsSync(target)) return false;
  return anchor === undefined || anchorsOf(readFileSync(target, 'utf8')).includes(anchor);
}

describe.each(pages)('%s', (page) => {
  const text = readFileSync(page, 'utf8');

  it('links to what is there', () => {
    expect(linksOf(text).filter((link) => !leadsSomewhere(page, link))).toEqual([]);
  });

  it('names files of this repository that exist', () => {
    const named = text.matchAll(
      /`((?:topology|cli|consumers-runtime|scripts|test|docs|examples|bench)\/[\w./-]+)`/g,
    );
    expect([...named].map(([, path]) => path!).filter((path) => !existsSync(path))).toEqual([]);
  });

  it('holds no path of somebody’s machine', () => {
    expect(text).not.toMatch(/\/(?:home|Users|root|work|tmp)\//);
  });
});

describe('docs/README.md', () => {
  it('leads to every page', () => {
    const linked = linksOf(readFileSync('docs/README.md', 'utf8')).map((link) =>
      normalize(join('docs', link)),
    );
    expect(docs.filter((page) => page !== 'docs/README.md' && !linked.includes(page))).toEqual([]);
  });
});

describe.each(docs.filter((page) => page.startsWith('docs/adr/')))('%s', (page) => {
  it('is short, numbered, and says context, decision and consequences', () => {
    const text = readFileSync(page, 'utf8');
    expect(text.split('\n')[0]).toMatch(new RegExp(`^# ${basename(page).slice(0, 4)} `));
    expect([...text.matchAll(/^## (.+)$/gm)].map(([, title]) => title)).toEqual([
      'Context',
      'Decision',
      'Consequences',
    ]);
    expect(text.split('\n').length).toBeLessThanOrEqual(50);
  });
});
