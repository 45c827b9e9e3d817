// Starts a cluster, tells where it is, and waits to be killed.
import { useCluster } from './useCluster.ts';

const { dir } = await useCluster();
process.stdout.write(`${JSON.stringify({ dir })}\n`);
setInterval(() => {}, 60_000);
