import { readFile } from 'node:fs/promises';
import { type ClusterDescription, useCluster } from './useCluster.ts';

// `npm run cluster`: the cluster of the tests, kept up for a person until Ctrl-C.
process.stderr.write(
  'cluster: starting etcd, API server, controller manager, kubelet, nats-server and PostgreSQL\n',
);
const cluster = await useCluster();
process.stdout.write(`${await helpText(cluster)}\n`);

await new Promise<void>((asked) => {
  process.once('SIGINT', () => asked());
  process.once('SIGTERM', () => asked());
});
process.stderr.write('cluster: taking everything down\n');
await cluster.stop();
process.exit(0);

/** What there is, and what to try: from another terminal, inside the namespace. */
async function helpText(it: ClusterDescription): Promise<string> {
  const config = JSON.parse(await readFile(it.kubeconfigs.admin, 'utf8')) as { 'current-context': string };
  const asUser = process.getuid?.() === 0 ? '' : ' -U --preserve-credentials';
  const enter = `nsenter -t ${process.env['AA_OPS_NAMESPACE']}${asUser} -n -m -p`; // of scripts/in-namespace.mjs
  return `
KUBECONFIG    ${it.kubeconfigs.admin}   (context and namespace ${config['current-context']})
NATS_URL      ${it.natsUrl}   (pods: ${it.podNatsUrl})
DATABASE_URL  ${it.databaseUrl}   (pods: ${it.podDatabaseUrl})
logs          ${it.dir}/kubernetes

It is in namespaces of its own. In another terminal, first:

  ${enter} bash
  export KUBECONFIG=${it.kubeconfigs.admin} NATS_URL=${it.natsUrl} PATH="${it.tools.kubectl.replace(/\/[^/]*$/, '')}:$PATH"

then try:

  kubectl get nodes,pods -A
  kubectl create deployment web --image=aa-ops/runtime -- node -e 'require("http").createServer((q, s) => s.end("hello")).listen(8080)'
  kubectl logs deploy/web; kubectl rollout restart deploy/web; kubectl rollout status deploy/web

Ctrl-C here takes all of it down.`;
}
