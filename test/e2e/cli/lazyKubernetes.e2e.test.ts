import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { AA_OPS } from '../../support/cli.ts';

// The Kubernetes client takes as long to load as everything else together: nobody pays for it who has no pods there.

/** The file and everything that it imports statically, whatever it may load later on. */
function loadedWith(file: string, known = new Set<string>()): Set<string> {
  if (known.has(file)) return known;
  known.add(file);
  for (const [, path] of readFileSync(file, 'utf8').matchAll(
    /^(?:import|\} from|export)[^;]*?["'](\.[^"']+)["'];$/gm,
  ))
    loadedWith(join(dirname(file), path!), known);
  return known;
}

const hasClient = (file: string): boolean => readFileSync(file, 'utf8').includes('readNamespacedConfigMap');

test('the built command loads the Kubernetes client only where an environment is on Kubernetes', () => {
  const chunks = join(dirname(AA_OPS), 'chunks');
  const files = readdirSync(chunks).filter((file) => file.endsWith('.js'));
  expect(files.length).toBeGreaterThan(10);
  const isPort = (file: string): boolean => file.startsWith('kubernetes-');
  expect(files.filter(isPort).some((file) => hasClient(join(chunks, file)))).toBe(true);
  const others = [AA_OPS, ...files.filter((file) => !isPort(file)).map((file) => join(chunks, file))];
  for (const file of others) expect([...loadedWith(file)].filter(hasClient), file).toEqual([]);
});
