import type { types } from '@pulumi/kubernetes';
import type { Bus } from '../bus.ts';
import { commonLabels } from './labels.ts';
import { hardened, podSecurity } from './security.ts';

/** The Job's name carries the hash of what it applies: it runs again when the topology changes, and only then. */
export const streamsApplyName = ({ file }: Bus): string => `streams-apply-${file.sha8}`;
export const topologyConfigMapName = ({ file }: Bus): string => `aa-ops-topology-${file.sha8}`;

export const streamsApplyLabels = {
  ...commonLabels('streams-apply'),
  'app.kubernetes.io/name': 'streams-apply',
};

const MOUNTED = '/etc/aa-ops';
const FILE = 'topology.yaml';
const CREDENTIALS = '/var/run/secrets/aa-ops/nats';

/** The topology file as the Job mounts it. */
export const topologyData = ({ file }: Bus): Record<string, string> => ({ [FILE]: file.text });

/**
 * `aa-ops apply` in the cluster: the same code as on a laptop, and NATS's credentials stay inside. It hands no subject over and
 * deletes no message; a migration that is under way makes it wait for its next try.
 */
export function streamsApplySpec(bus: Bus): types.input.batch.v1.JobSpec {
  const { stack } = bus;
  const credentials = stack.secrets.nats;
  const { protected: isProtected } = bus.topology.environment;
  return {
    backoffLimit: 5,
    activeDeadlineSeconds: 600,
    template: {
      metadata: { labels: streamsApplyLabels },
      spec: {
        restartPolicy: 'Never',
        serviceAccountName: 'streams-apply',
        automountServiceAccountToken: false,
        securityContext: podSecurity,
        containers: [
          {
            name: 'aa-ops',
            image: stack.images.cli,
            command: ['node', 'dist/cli/aa-ops.js', 'apply'],
            args: [
              ...[
                '--topology',
                `${MOUNTED}/${FILE}`,
                '--env',
                stack.environment,
                '--yes',
                '--output',
                'json',
              ],
              // Whoever protects the environment's stack in CI has confirmed it there.
              ...(isProtected ? ['--confirm', stack.environment] : []),
              ...(credentials ? ['--creds', `${CREDENTIALS}/${credentials.key}`] : []),
            ],
            // Its own and its guardian's hold, where filters change: 64 MiB each, at most.
            resources: { requests: { cpu: '50m', memory: '96Mi' }, limits: { memory: '512Mi' } },
            securityContext: hardened,
            volumeMounts: [
              { name: 'topology', mountPath: MOUNTED, readOnly: true },
              { name: 'tmp', mountPath: '/tmp' },
              ...(credentials ? [{ name: 'nats-credentials', mountPath: CREDENTIALS, readOnly: true }] : []),
            ],
          },
        ],
        volumes: [
          { name: 'topology', configMap: { name: topologyConfigMapName(bus) } },
          { name: 'tmp', emptyDir: { sizeLimit: '64Mi' } },
          ...(credentials
            ? [{ name: 'nats-credentials', secret: { secretName: credentials.name, defaultMode: 0o440 } }]
            : []),
        ],
      },
    },
  };
}
