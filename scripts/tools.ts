// Finds, or builds once into the cache, what the cluster tests run on: etcd, the Kubernetes control plane, kubectl, pulumi. Ends with
// 69 (EX_UNAVAILABLE of sysexits.h) where they are not and there is no Go to build them.
import { messageOf, OpsError } from '@aa-ops/topology';
import { findClusterTools } from '../test/support/cluster/tools.ts';

const say = (line: string): boolean => process.stderr.write(`tools: ${line}\n`);
try {
  for (const path of Object.values(await findClusterTools(say))) say(path);
} catch (error) {
  say(messageOf(error));
  if (error instanceof OpsError && error.hint) say(error.hint);
  process.exitCode = error instanceof OpsError && error.code === 'cluster-tools-not-found' ? 69 : 1;
}
