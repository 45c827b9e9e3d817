import type { V1Deployment, V1Pod } from '@kubernetes/client-node';
import { describe, expect, it } from 'vitest';
import { podProblem } from '../../../cli/src/platform/kubernetes/podProblem.ts';
import { replicaFailure, rolloutStatus } from '../../../cli/src/platform/kubernetes/rolloutStatus.ts';

// Statuses as a real controller manager 1.36 writes them during a rolling restart of two.
const deployment = (status: object, generation = 3, spec: object = {}): V1Deployment =>
  ({
    metadata: { name: 'normalize-service', generation },
    spec: { replicas: 2, ...spec },
    status: { observedGeneration: 3, ...status },
  }) as V1Deployment;

describe("kubectl's rules of a rollout", () => {
  it.each([
    [
      'not observed yet',
      deployment({ replicas: 2, updatedReplicas: 2, availableReplicas: 2 }, 4),
      'waiting for deployment spec update to be observed',
    ],
    [
      'no new one yet',
      deployment({ replicas: 2, availableReplicas: 2 }),
      '0 out of 2 new replicas have been updated',
    ],
    [
      'one is new',
      deployment({ replicas: 3, updatedReplicas: 1, availableReplicas: 2 }),
      '1 out of 2 new replicas have been updated',
    ],
    [
      'old ones are there',
      deployment({ replicas: 3, updatedReplicas: 2, availableReplicas: 3 }),
      '1 old replicas are pending termination',
    ],
    [
      'new ones are not available',
      deployment({ replicas: 2, updatedReplicas: 2, availableReplicas: 1 }),
      '1 of 2 updated replicas are available',
    ],
  ])('%s: waiting', (_what, it, says) => {
    expect(rolloutStatus(it)).toEqual({ state: 'waiting', says });
  });

  it('all updated and available: done', () => {
    expect(rolloutStatus(deployment({ replicas: 2, updatedReplicas: 2, availableReplicas: 2 }))).toEqual({
      state: 'done',
    });
  });

  it('one replica is the default of a spec that names none', () => {
    const one = deployment({ replicas: 1, updatedReplicas: 1, availableReplicas: 1 }, 3, {
      replicas: undefined,
    });
    expect(rolloutStatus(one).state).toBe('done');
  });

  it('beyond its progress deadline: failed, but only for the generation that was observed', () => {
    const conditions = [{ type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded' }];
    expect(rolloutStatus(deployment({ conditions, replicas: 3, updatedReplicas: 1 }))).toEqual({
      state: 'failed',
      says: 'deployment normalize-service exceeded its progress deadline',
    });
    expect(rolloutStatus(deployment({ conditions }, 4)).state).toBe('waiting');
  });

  it('pods that cannot even be made are told', () => {
    const conditions = [
      { type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message: 'exceeded quota' },
    ];
    expect(replicaFailure(deployment({ conditions }))).toBe('FailedCreate: exceeded quota');
    expect(replicaFailure(deployment({}))).toBeUndefined();
  });
});

const pod = (status: object): V1Pod => ({ metadata: { name: 'p' }, status }) as V1Pod;
const container = (fields: object) => ({ containerStatuses: [{ name: 'c', restartCount: 0, ...fields }] });
const waiting = (reason: string, message = '') => ({ state: { waiting: { reason, message } } });
const crashed = { lastState: { terminated: { exitCode: 1, reason: 'Error' } } };

describe('why a pod does not get ready', () => {
  it.each([
    ['InvalidImageName', container(waiting('InvalidImageName', 'bad')), 'now', 'p: InvalidImageName: bad'],
    [
      'ImagePullBackOff',
      container(waiting('ImagePullBackOff', 'no such image')),
      'soon',
      'p: ImagePullBackOff: no such image',
    ],
    [
      'CreateContainerConfigError',
      container(waiting('CreateContainerConfigError', 'configmap "x" not found')),
      'soon',
      'p: CreateContainerConfigError: configmap "x" not found',
    ],
    [
      'CrashLoopBackOff',
      container({ ...waiting('CrashLoopBackOff'), ...crashed, restartCount: 1 }),
      'soon',
      'p: CrashLoopBackOff; it ended with exit code 1, 1 restarts',
    ],
    [
      'CrashLoopBackOff',
      container({ ...waiting('CrashLoopBackOff'), ...crashed, restartCount: 3 }),
      'now',
      'p: CrashLoopBackOff; it ended with exit code 1, 3 restarts',
    ],
    [
      'Crashed',
      container({ state: { running: {} }, ...crashed, restartCount: 2 }),
      'soon',
      'p: c crashed; it ended with exit code 1, 2 restarts',
    ],
  ])('%s', (reason, status, hopeless, says) => {
    expect(podProblem(pod(status))).toMatchObject({ reason, hopeless, says });
  });

  it('one that cannot be placed may be, once there is a node', () => {
    const conditions = [
      { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '0/1 nodes' },
    ];
    expect(podProblem(pod({ conditions }))).toMatchObject({
      hopeless: 'late',
      says: 'p: Unschedulable: 0/1 nodes',
    });
  });

  it('one that runs and is not ready is told only after its start', () => {
    const startedAt = new Date('2026-01-01T00:00:00Z');
    const running = pod(container({ state: { running: { startedAt } } }));
    expect(podProblem(running, startedAt.getTime() + 1_000)).toBeUndefined();
    expect(podProblem(running, startedAt.getTime() + 9_000)).toMatchObject({
      reason: 'NotReady',
      hopeless: 'late',
    });
  });

  it('a ready one has none, though it crashed before', () => {
    const conditions = [{ type: 'Ready', status: 'True' }];
    expect(podProblem(pod({ conditions, ...container({ ...crashed, restartCount: 4 }) }))).toBeUndefined();
  });
});
