import { AA_OPS } from '../cli.ts';
import { type Staging, startStaging, TOPOLOGY_FILE } from './staging.ts';

// `npm run cluster`: the cluster of the tests with Athlete Ally's staging in it, kept up for a person until Ctrl-C.
process.stderr.write(
  'cluster: starting etcd, API server, controller manager, kubelet, nats-server, PostgreSQL and four pods\n',
);
const staging = await startStaging();
process.stdout.write(`${helpText(staging)}\n`);

await new Promise<void>((asked) => {
  process.once('SIGINT', () => asked());
  process.once('SIGTERM', () => asked());
});
process.stderr.write('cluster: taking everything down\n');
await staging.stop();
process.exit(0);

/** What there is, and what to try: from another terminal, inside the namespaces. */
function helpText({ cluster, frontDoor }: Staging): string {
  const asUser = process.getuid?.() === 0 ? '' : ' -U --preserve-credentials';
  const enter = `nsenter -t ${process.env['AA_OPS_NAMESPACE']}${asUser} -n -m -p`; // of scripts/in-namespace.mjs
  const { tools, kubeconfigs } = cluster;
  const event = '{"userId":"me","date":"2026-01-01","rmssd":42,"capturedAt":"2026-01-01T06:00:00Z"}';
  return `
KUBECONFIG    ${kubeconfigs.admin}   (context and namespace staging)
              ${kubeconfigs['aa-ops']}   (with the operator's Role alone)
NATS_URL      ${cluster.natsUrl}   (pods: ${cluster.podNatsUrl})
DATABASE_URL  ${cluster.databaseUrl}   (pods: ${cluster.podDatabaseUrl})
front door    ${frontDoor}   (the Service of ingest)
logs          ${cluster.dir}/kubernetes

It is in namespaces of its own. In another terminal, first:

  ${enter} bash
  export KUBECONFIG=${kubeconfigs['aa-ops']} NATS_URL=${cluster.natsUrl} DATABASE_URL=${cluster.databaseUrl}
  kubectl() { ${tools.kubectl} --kubeconfig ${kubeconfigs.admin} "$@"; }
  aa-ops() { node ${AA_OPS} "$@" --topology ${TOPOLOGY_FILE} --env staging; }

then try:

  kubectl get deployments,pods,services,configmaps
  curl -X POST ${frontDoor}/ingest/hrv -H 'content-type: application/json' -d '${event}'
  aa-ops status; aa-ops plan; aa-ops migrate --to multi --dry-run
  aa-ops migrate --to multi
  kubectl logs deploy/normalize-service --tail=5; kubectl get configmap event-bus-config -o yaml
  aa-ops verify; aa-ops rollback; aa-ops history

Ctrl-C here takes all of it down.`;
}
