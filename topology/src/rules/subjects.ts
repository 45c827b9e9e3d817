import { RESERVED_PREFIX } from '../model.ts';
import { show } from '../schema/explainIssue.ts';
import { collisions, isSubset, isValidFilter, overlaps, tokensOf } from '../subjects/index.ts';
import type { Path } from '../load/located.ts';
import type { Rule, RuleView } from './rule.ts';

interface Owner {
  mode: string;
  stream: string;
  subject: string;
  path: Path;
}

/** Every subject of every mode, with its place. */
function* owners({ file }: RuleView): Generator<Owner> {
  for (const [mode, { subjects = {} }] of Object.entries(file.modes))
    for (const [stream, list] of Object.entries(subjects))
      for (const [at, subject] of list.entries())
        yield { mode, stream, subject, path: ['modes', mode, 'subjects', stream, at] };
}

/** Everything in the file that must be a subject or a filter. */
function* filters(view: RuleView): Generator<{ subject: string; path: Path }> {
  yield* owners(view);
  const lists: [Path, unknown][] = [];
  const { consumers = {}, modes, environments } = view.file;
  for (const [name, fields] of Object.entries(consumers))
    lists.push([['consumers', name], fields['filterSubjects']]);
  for (const [within, all] of Object.entries({ modes, environments }))
    for (const [owner, value] of Object.entries<Pick<(typeof modes)[string], 'consumers'>>(all))
      for (const [name, fields] of Object.entries(value.consumers ?? {}))
        lists.push([[within, owner, 'consumers', name], fields['filterSubjects']]);
  for (const [path, list] of lists)
    for (const [at, subject] of (Array.isArray(list) ? list : []).entries())
      yield { subject: String(subject), path: [...path, 'filterSubjects', at] };
}

/** Empty tokens, white space, or > before the end. */
export const badSubject: Rule = {
  code: 'bad-subject',
  severity: 'error',
  why: 'tokens must not be empty or have white space in them, and `>` is the last one',
  *check(view) {
    for (const { subject, path } of filters(view))
      if (!isValidFilter(subject))
        yield {
          path,
          message: `${show(subject)} is no subject`,
          fix: 'write tokens with dots between them; * is one token, > at the end is one or more',
        };
  },
};

/** `a.b*` is a literal token to NATS. */
export const wildcardInToken: Rule = {
  code: 'wildcard-in-token',
  severity: 'warning',
  why: 'a wildcard is a whole token: `a.b*` matches only itself',
  *check(view) {
    for (const { subject, path } of filters(view)) {
      const token = tokensOf(subject).find((one) => one.length > 1 && /[*>]/.test(one));
      if (token !== undefined)
        yield {
          path,
          message: `${token} in ${show(subject)} is no wildcard`,
          fix: 'write * or > as a token of its own',
        };
    }
  },
};

/** In one mode a subject has one owner; the server answers 10065 otherwise. */
export const overlappingSubjects: Rule = {
  code: 'overlapping-subjects',
  severity: 'error',
  why: 'two streams of one account cannot hear the same subject (10065), nor one stream twice (10052)',
  *check(view) {
    const valid = [...owners(view)].filter(({ subject }) => isValidFilter(subject));
    for (const mode of Object.keys(view.file.modes)) {
      const owned = valid
        .filter((owner) => owner.mode === mode)
        .map((owner) => ({ subject: owner.subject, owner }));
      for (const [{ owner: a }, { owner: b }] of collisions(owned))
        yield a.stream === b.stream
          ? {
              path: b.path,
              message: `${b.subject} overlaps with ${a.subject} of the same stream ${a.stream} in mode ${mode}`,
              fix: `leave out ${isSubset(a.subject, b.subject) ? a.subject : b.subject}`,
            }
          : {
              path: b.path,
              message: `${b.subject} of ${b.stream} overlaps with ${a.subject} of ${a.stream} in mode ${mode}`,
              fix: `give it to one of them: a subject has one owner in a mode`,
            };
    }
  },
};

/** aa-ops' own subjects. */
export const reservedSubject: Rule = {
  code: 'reserved-subject',
  severity: 'error',
  why: 'aa-ops keeps `_aa-ops.>` for streams that hear nothing and for handovers',
  *check(view) {
    for (const { subject, stream, path } of owners(view))
      if (isValidFilter(subject) && overlaps(subject, `${RESERVED_PREFIX}>`))
        yield {
          path,
          message: `${subject} of ${stream} takes subjects that begin with ${RESERVED_PREFIX}`,
          fix: 'name the subjects that the stream is for',
        };
  },
};

/** The server's own subjects, as checkStreamCfg in nats-server's stream.go has them (2.15). */
const SERVER: readonly [taken: string, allowed: string][] = [
  ['$JS.>', '$JS.EVENT.>'],
  ['$JSC.>', ''],
  ['$NRG.>', ''],
  ['$SYS.>', '$SYS.ACCOUNT.>'],
];

/** The server refuses a stream on its API's subjects; a stream of inboxes swallows every reply. */
export const serverSubject: Rule = {
  code: 'server-subject',
  severity: 'error',
  why: 'a stream must not hear the server’s own subjects (10052), advisories excepted, nor the inboxes that replies go to',
  *check(view) {
    for (const { subject, stream, path } of owners(view)) {
      if (!isValidFilter(subject)) continue;
      const { no_ack: noAck } = view.topology.streams[stream] ?? {};
      const [taken] =
        SERVER.find(
          ([space, allowed]) => overlaps(subject, space) && !(allowed && isSubset(subject, allowed)),
        ) ?? [];
      const fix =
        'name the subjects that the stream is for; of the server’s own, only $JS.EVENT.> may be stored';
      if (taken && !noAck)
        yield { path, message: `${subject} of ${stream} takes the server's ${taken}`, fix };
      else if (overlaps(subject, '_INBOX.>'))
        yield {
          path,
          message: `${subject} of ${stream} takes every reply (_INBOX.>)`,
          fix,
          severity: 'warning',
        };
    }
  },
};

/** The live mode is read from who owns what, so two modes must differ in that. */
export const modesAlike: Rule = {
  code: 'modes-alike',
  severity: 'error',
  why: 'the live mode is read from who owns which subject: two modes that do not differ in that cannot be told apart',
  *check({ file, isWhole }) {
    if (!isWhole(['modes'], 3)) return;
    const seen = new Map<string, string>();
    for (const [mode, { subjects = {} }] of Object.entries(file.modes)) {
      const owned = Object.entries(subjects).flatMap(([stream, list]) =>
        list.map((one) => `${stream} ${one}`),
      );
      const key = owned.sort().join('\n');
      const other = seen.get(key);
      if (other !== undefined)
        yield {
          path: ['modes', mode],
          at: 'key',
          message: `modes ${other} and ${mode} give every stream the same subjects`,
          fix: 'give a stream other subjects in one of them, or keep one mode',
        };
      seen.set(key, mode);
    }
  },
};
