import { OpsError, type Topology } from '@aa-ops/topology';

/** Throws OpsError `mode-unknown`, with the names to choose from, where `--expect-mode` names no mode of the topology. */
export function refuseUnknownMode(mode: string, { modes }: Pick<Topology, 'modes'>): void {
  if (Object.hasOwn(modes, mode)) return;
  throw new OpsError('mode-unknown', `--expect-mode ${mode} is no mode of the topology`, {
    kind: 'usage',
    hint: `choose one of ${Object.keys(modes).join(', ')}`,
  });
}
