// Finds, or builds once into the cache, what the cluster tests run on: etcd, the Kubernetes control plane, kubectl, pulumi.
import { messageOf, OpsError } from '@aa-ops/topology';
import { findClusterTools } from '../test/support/cluster/tools.ts';

const say = (line: string): boolean => process.stderr.write(`tools: ${line}\n`);
try {
  for (const path of Object.values(await findClusterTools(say))) say(path);
} catch (error) {
  say(messageOf(error));
  if (error instanceof OpsError && error.hint) say(error.hint);
  process.exitCode = 1;
}
