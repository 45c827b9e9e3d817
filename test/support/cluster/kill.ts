// Starts a cluster, tells who it is and where, and waits to be killed.
import { useCluster } from './useCluster.ts';

const { dir } = await useCluster();
process.stdout.write(`${JSON.stringify({ pid: process.pid, dir })}\n`);
setInterval(() => {}, 60_000);
