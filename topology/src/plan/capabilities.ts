/** What a plan has to know of a server: its version, and whether it can hold more than one replica. */
export interface ServerKind {
  version: string;
  clustered: boolean;
}

/**
 * From which version on a server accepts, or refuses, what older ones did not. Each line was run on nats-server 2.10.26,
 * 2.11.9, 2.12.1, 2.14.0 and 2.15.1; the versions in between were not.
 */
const SINCE = {
  /** Changing max_consumers in place; before: 10052. */
  maxConsumersUpdate: [2, 14],
  /** Removing `mirror` makes a plain stream of a mirror; before: 10055. */
  mirrorPromotion: [2, 12],
  /** allow_msg_ttl and subject_delete_marker_ttl; before, they are ignored without a word. */
  messageTtl: [2, 11],
  /** A single server refuses an update to more than one replica (10074); before, it is accepted and changes nothing. */
  replicasChecked: [2, 15],
  /** mem_storage of a consumer cannot change any more (10012). */
  memStorageFixed: [2, 15],
} as const satisfies Record<string, readonly [number, number]>;

export type Capability = keyof typeof SINCE;

/** Whether a server of this version has it. A pre-release counts as its version. */
export function has(version: string, capability: Capability): boolean {
  const [major = 0, minor = 0] = version.split('.').map((part) => Number.parseInt(part, 10));
  const [sinceMajor, sinceMinor] = SINCE[capability];
  return major > sinceMajor || (major === sinceMajor && minor >= sinceMinor);
}

/** `2.14`, for messages. */
export const sinceVersion = (capability: Capability): string => SINCE[capability].join('.');
