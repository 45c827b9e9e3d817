import type { types } from '@pulumi/kubernetes';
import type { Bus } from '../bus.ts';
import { commonLabels } from './labels.ts';
import { natsCredentials, podBasics } from './pods.ts';
import { hardened } from './security.ts';

/**
 * The Job's name carries the hash of the topology's files, as they are written. It runs again when they change, by a comment even, and when
 * anything of its pod does, the image say: Kubernetes changes no pod of a Job, so that Pulumi makes it anew. A run too many finds nothing
 * to do.
 */
export const streamsApplyName = ({ files }: Bus): string => `streams-apply-${files.sha8}`;
export const topologyConfigMapName = ({ files }: Bus): string => `aa-ops-topology-${files.sha8}`;

/** By which the Job's NetworkPolicy finds its pod. */
export const streamsApplySelector = { 'app.kubernetes.io/name': 'streams-apply' };

export const streamsApplyLabels = (bus: Bus): Record<string, string> => ({
  ...commonLabels(bus, 'streams-apply'),
  ...streamsApplySelector,
});

const CONTAINER = 'aa-ops';
const MOUNTED = '/etc/aa-ops';

/** How `aa-ops` ends where another try ends in the same way: refused, which a person decides on, and invalid input. */
const IN_VAIN = [3, 64];

/**
 * `aa-ops apply` in the cluster: the same code as on a laptop, and NATS's credentials stay inside. It hands no subject over and
 * deletes no message; a migration that is under way makes it wait for its next try.
 */
export function streamsApplySpec(bus: Bus): types.input.batch.v1.JobSpec {
  const { stack, files } = bus;
  const credentials = natsCredentials(stack.secrets.natsApply ?? stack.secrets.nats);
  const { protected: isProtected } = bus.topology.environment;
  return {
    backoffLimit: 5,
    activeDeadlineSeconds: 600,
    podFailurePolicy: {
      rules: [
        {
          action: 'FailJob',
          onExitCodes: { containerName: CONTAINER, operator: 'In', values: IN_VAIN },
        },
      ],
    },
    template: {
      metadata: { labels: streamsApplyLabels(bus) },
      spec: {
        ...podBasics(bus, 'streams-apply'),
        restartPolicy: 'Never',
        containers: [
          {
            name: CONTAINER,
            image: stack.images.cli,
            command: ['node', 'dist/cli/aa-ops.js', 'apply'],
            args: [
              ...['--topology', files.path ? `${MOUNTED}/${files.path}` : MOUNTED],
              ...['--env', stack.environment, '--yes', '--output', 'json'],
              // Whoever protects the environment's stack in CI has confirmed it there.
              ...(isProtected ? ['--confirm', stack.environment] : []),
              ...(credentials ? ['--creds', credentials.path] : []),
            ],
            // Its own and its guardian's hold, where filters change: 64 MiB each, at most.
            resources: { requests: { cpu: '50m', memory: '96Mi' }, limits: { memory: '512Mi' } },
            securityContext: hardened,
            volumeMounts: [
              { name: 'topology', mountPath: MOUNTED, readOnly: true },
              { name: 'tmp', mountPath: '/tmp' },
              ...(credentials?.mounts ?? []),
            ],
          },
        ],
        volumes: [
          { name: 'topology', configMap: { name: topologyConfigMapName(bus) } },
          { name: 'tmp', emptyDir: { sizeLimit: '64Mi' } },
          ...(credentials?.volumes ?? []),
        ],
      },
    },
  };
}
