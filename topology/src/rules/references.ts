import type { Path } from '../load/located.ts';
import { chooseFrom, suggest } from '../schema/suggest.ts';
import { type Finding, own, type Rule } from './rule.ts';

function* unknown(kind: string, name: string, known: object, path: Path, at?: 'key'): Generator<Finding> {
  if (Object.hasOwn(known, name)) return;
  const meant = suggest(name, Object.keys(known));
  yield {
    path,
    ...(at && { at }),
    message: `there is no ${kind} ${name}${meant === undefined ? '' : `: did you mean ${meant}?`}`,
    fix: chooseFrom(name, Object.keys(known)),
  };
}

/** A mode or an environment names a stream that is not declared. */
export const unknownStream: Rule = {
  code: 'unknown-stream',
  severity: 'error',
  why: 'a mode or an environment names a stream that `streams` does not have',
  *check({ file, isWhole }) {
    if (!isWhole(['streams'], 1)) return;
    for (const [mode, { subjects = {}, consumers = {} }] of Object.entries(file.modes)) {
      for (const stream of Object.keys(subjects))
        yield* unknown('stream', stream, file.streams, ['modes', mode, 'subjects', stream], 'key');
      for (const [name, { stream }] of Object.entries(consumers))
        yield* unknown('stream', String(stream), file.streams, ['modes', mode, 'consumers', name, 'stream']);
    }
    for (const [environment, { streams = {} }] of Object.entries(file.environments))
      for (const stream of Object.keys(streams))
        yield* unknown(
          'stream',
          stream,
          file.streams,
          ['environments', environment, 'streams', stream],
          'key',
        );
  },
};

/** A mode or an environment names a consumer that is not declared. */
export const unknownConsumer: Rule = {
  code: 'unknown-consumer',
  severity: 'error',
  why: 'a mode or an environment names a durable that `consumers` does not have',
  *check({ file, isWhole }) {
    if (!isWhole(['consumers'], 1)) return;
    const known = file.consumers ?? {};
    for (const within of ['modes', 'environments'] as const)
      for (const [owner, { consumers = {} }] of Object.entries(file[within]))
        for (const name of Object.keys(consumers))
          yield* unknown('consumer', name, known, [within, owner, 'consumers', name], 'key');
  },
};

/** An environment overrides a workload that is not declared, or a name stands twice. */
export const unknownWorkload: Rule = {
  code: 'unknown-workload',
  severity: 'error',
  why: 'an environment overrides a workload that `workloads` does not have',
  *check({ file, isWhole }) {
    if (!isWhole(['workloads'], 1)) return;
    const known = Object.fromEntries((file.workloads ?? []).map(({ name }) => [name, true]));
    for (const [environment, { workloads = {} }] of Object.entries(file.environments)) {
      const path = ['environments', environment, 'workloads'];
      if (Array.isArray(workloads))
        for (const [at, { name }] of workloads.entries())
          yield* unknown('workload', name, known, [...path, at, 'name']);
      else
        for (const name of Object.keys(workloads))
          yield* unknown('workload', name, known, [...path, name], 'key');
    }
  },
};

/** The mode of an empty account must be known. */
export const unknownMode: Rule = {
  code: 'unknown-mode',
  severity: 'error',
  why: 'an environment begins in a mode that `modes` does not have, or names none of several',
  *check({ file, isWhole }) {
    if (!isWhole(['modes'], 1)) return;
    for (const [environment, { initialMode }] of Object.entries(file.environments)) {
      const path = ['environments', environment, 'initialMode'];
      if (initialMode !== undefined) yield* unknown('mode', initialMode, file.modes, path);
      else if (Object.keys(file.modes).length > 1)
        yield {
          path,
          message: `environment ${environment} has no initialMode`,
          fix: `add initialMode: ${Object.keys(file.modes).join(' or ')}`,
        };
    }
  },
};

/** A workload's name stands for its Deployment, so it must be there once. */
export const duplicateWorkload: Rule = {
  code: 'duplicate-workload',
  severity: 'error',
  why: 'two workloads of one name would be one Deployment',
  *check({ file }) {
    const seen = new Set<string>();
    for (const [at, { name }] of (file.workloads ?? []).entries()) {
      if (seen.has(name))
        yield {
          path: ['workloads', at, 'name'],
          message: `workload ${name} stands twice`,
          fix: 'keep one of them',
        };
      seen.add(name);
    }
  },
};

/** There must be something to choose from. */
export const nothingToChoose: Rule = {
  code: 'nothing-declared',
  severity: 'error',
  why: 'without a mode and an environment no command can do anything',
  *check({ file, isWhole }) {
    for (const within of ['modes', 'environments'] as const)
      if (isWhole([within], 1) && Object.keys(file[within]).length === 0)
        yield {
          path: [within],
          at: 'key',
          message: `${within} is empty`,
          fix: `declare one of the ${within}`,
        };
  },
};

/** What is declared and never used is most often a mistyped name. */
export const unused: Rule = {
  code: 'unused',
  severity: 'warning',
  why: 'a stream that no mode gives subjects, or a durable that no mode places, is most often a mistake',
  *check({ file, isWhole }) {
    if (!isWhole(['modes'], 3)) return;
    const modes = Object.values(file.modes);
    for (const [name, { mirror, sources }] of Object.entries(file.streams))
      if (!mirror && !sources && !modes.some(({ subjects = {} }) => own(subjects, name)?.length))
        yield {
          path: ['streams', name],
          at: 'key',
          message: `stream ${name} hears nothing in any mode`,
          fix: `give it subjects in a mode, or leave it out`,
        };
    for (const name of Object.keys(file.consumers ?? {}))
      if (!modes.some(({ consumers = {} }) => Object.hasOwn(consumers, name)))
        yield {
          path: ['consumers', name],
          at: 'key',
          message: `consumer ${name} is in no mode`,
          fix: 'place it in a mode, or leave it out',
        };
  },
};
