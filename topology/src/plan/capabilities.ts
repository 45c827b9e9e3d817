/** What a plan has to know of a server: its version, and whether it can hold more than one replica. */
export interface ServerKind {
  version: string;
  clustered: boolean;
}

type Version = readonly [major: number, minor: number, patch?: number];

interface Fact {
  since: Version;
  /** What is so from then on. */
  now: string;
  /** What was so before. */
  before: string;
  /** What aa-ops makes of it. */
  use: string;
}

/**
 * From which version on a server accepts, or refuses, what older ones did not. Each line was run on nats-server 2.10.26,
 * 2.11.9, 2.11.11, 2.12.1, 2.12.8, 2.14.0, 2.14.6 and 2.15.1, and a test runs it on each pinned one; the versions in between were
 * not. Where the change lies between two of them, the line takes the side that refuses.
 */
const FACTS = {
  messageTtl: {
    since: [2, 11],
    now: '`allowMsgTtl` and `subjectDeleteMarkerTtl` work',
    before: 'they are ignored without a word',
    use: '`plan` refuses them before',
  },
  consumerPause: {
    since: [2, 11],
    now: 'a consumer can be paused until an instant',
    before: 'nobody answers',
    use: 'durables of work queues are paused while their copies are compared. Others need no pause: nobody reads them before the pods are restarted',
  },
  mirrorPromotion: {
    since: [2, 12],
    now: 'taking `mirror` away makes a plain stream of a mirror',
    before: '10055',
    use: '`plan` says whether it can. Handovers copy by sources on every server: a mirror takes one origin whole, and the way back has none to promote',
  },
  sourceReaders: {
    since: [2, 14],
    now: 'a source reads through a consumer that is listed, and goes with the source',
    before:
      'through one of its own, which stays for 10 s, keeps durables of a work queue from being made or changed (10100), and lets some of the messages there go',
    use: 'work queues are handed over from then on',
  },
  maxConsumersUpdate: {
    since: [2, 12, 8],
    now: '`maxConsumers` changes in place',
    before: '10052',
    use: '`plan` says `-/+` before',
  },
  consumerReset: {
    since: [2, 14],
    now: 'a durable can be set to a sequence (`CONSUMER.RESET`)',
    before: 'nobody answers',
    use: 'not used: see below',
  },
  replicasChecked: {
    since: [2, 14, 1],
    now: 'a single server refuses more than one replica (10074)',
    before: 'it accepts them, and nothing changes',
    use: '`plan` says impossible',
  },
  memStorageFixed: {
    since: [2, 14, 1],
    now: '`memStorage` of a consumer cannot change any more (10012)',
    before: 'it changes in place',
    use: '`plan` says `-/+`',
  },
  copyHeaderGuarded: {
    since: [2, 15],
    now: 'a publish with the header `Nats-Stream-Source` is refused (10227)',
    before: 'it is stored, and looks like a copy',
    use: 'twins are found by this header: before, publishers have to leave it alone',
  },
} as const satisfies Record<string, Fact>;

export type Capability = keyof typeof FACTS;

/** Every capability with its words, the oldest first: docs/servers.md is made of it. */
export const capabilities: readonly (Fact & { name: Capability })[] = Object.entries(FACTS).map(
  ([name, fact]) => ({ name: name as Capability, ...fact }),
);

/** Whether a server of this version has it. A pre-release counts as its version. */
export function has(version: string, capability: Capability): boolean {
  const is = version.split('.').map((part) => Number.parseInt(part, 10));
  const since: readonly (number | undefined)[] = FACTS[capability].since;
  for (const place of [0, 1, 2]) {
    const difference = (is[place] ?? 0) - (since[place] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}

/** `2.14`, for messages. */
export const sinceVersion = (capability: Capability): string => FACTS[capability].since.join('.');
