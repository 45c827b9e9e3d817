import { STATE_BUCKET } from '../model.ts';
import { show } from '../schema/explainIssue.ts';
import type { Finding, Rule } from './rule.ts';

/** nats-server's JSMaxNameLen. */
const MAX_NAME = 255;
/** Part of a KV key, of a subject and of an environment variable's value. */
const TOKEN = /^[A-Za-z0-9_-]{1,64}$/;
/** RFC 1123, as Kubernetes wants the names of Deployments and ConfigMaps. */
const DNS_LABEL = /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/;

/** What the server has against a stream's or consumer's name; undefined: nothing. */
export function refusedName(name: string): string | undefined {
  if (name === '') return 'is empty';
  const bad = /[\s.*>/\\\0]/.exec(name)?.[0];
  if (bad !== undefined) return `has ${bad.trim() === '' ? 'white space' : bad} in it`;
  const bytes = new TextEncoder().encode(name).length;
  return bytes > MAX_NAME ? `has ${bytes} bytes, more than ${MAX_NAME}` : undefined;
}

/** Names that nats-server, the journal's KV bucket or Kubernetes refuse. */
export const refusedNames: Rule = {
  code: 'refused-name',
  severity: 'error',
  why: 'the server, the journal’s bucket or Kubernetes refuses the name',
  *check({ file, isWhole }) {
    const fix = 'choose a name of letters, digits, - and _';
    const server = function* (kind: string, names: Iterable<string>, within: string): Generator<Finding> {
      for (const name of names) {
        const reason = refusedName(name) ?? (name in {} ? 'is reserved' : undefined);
        if (reason)
          yield { path: [within, name], at: 'key', message: `${kind} name ${show(name)} ${reason}`, fix };
      }
    };
    yield* server('stream', Object.keys(file.streams), 'streams');
    yield* server('consumer', Object.keys(file.consumers ?? {}), 'consumers');
    if (isWhole(['name']) && !TOKEN.test(file.name))
      yield { path: ['name'], message: `topology name ${show(file.name)} is no part of a key`, fix };
    for (const within of ['modes', 'environments'] as const)
      for (const name of Object.keys(file[within]))
        if (!TOKEN.test(name) || name in {})
          yield {
            path: [within, name],
            at: 'key',
            message: `${within.slice(0, -1)} name ${show(name)} is no part of a key`,
            fix,
          };
    if (!Object.values(file.environments).some(({ platform }) => platform === 'kubernetes')) return;
    const dns = 'choose lower-case letters, digits and -';
    for (const [at, { name }] of (file.workloads ?? []).entries())
      if (!DNS_LABEL.test(name))
        yield {
          path: ['workloads', at, 'name'],
          message: `Kubernetes refuses the name ${show(name)}`,
          fix: dns,
        };
    if (file.configMap && !DNS_LABEL.test(file.configMap.name))
      yield {
        path: ['configMap', 'name'],
        message: `Kubernetes refuses the name ${show(file.configMap.name)}`,
        fix: dns,
      };
  },
};

/** The stream behind our own KV bucket. */
export const reservedStream: Rule = {
  code: 'reserved-stream',
  severity: 'error',
  why: 'the journal and the lease live in this stream',
  *check({ file }) {
    const name = `KV_${STATE_BUCKET}`;
    if (Object.hasOwn(file.streams, name))
      yield {
        path: ['streams', name],
        at: 'key',
        message: `stream ${name} is aa-ops' own`,
        fix: 'leave it out',
      };
  },
};
