import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { OpsError, type Workload } from '@aa-ops/topology';

/** The command line of a pod. */
export type Program = [command: string, ...args: string[]];

/** What the pods of a role run: the built commands of consumers-runtime. Throws OpsError `runtime-not-built`. */
export function runtimeProgram(role: Workload['role']): Program {
  const name = role === 'consumer' ? 'aa-normalize' : 'aa-ingest';
  const start = dirname(fileURLToPath(import.meta.url));
  for (let folder = start; ; folder = dirname(folder)) {
    const path = join(folder, 'consumers-runtime/dist', `${name}.js`);
    if (existsSync(path)) return [process.execPath, path];
    if (folder === dirname(folder)) break;
  }
  throw new OpsError(
    'runtime-not-built',
    `found no consumers-runtime/dist/${name}.js in any folder above ${start}`,
    {
      hint: 'type npm run build',
    },
  );
}

/** Athlete Ally's own workloads, where the topology names none. */
export const DEFAULT_WORKLOADS: Workload[] = (
  [
    ['normalize-service', 'consumer', 4102],
    ['ingest-service', 'producer', 4101],
  ] as const
).map(([name, role, port]) => ({
  name,
  role,
  selector: { app: name },
  port,
  health: '/health',
  metrics: '/metrics',
}));
