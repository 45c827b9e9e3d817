import type { AccountInfo, StreamInfo } from '../../jetstream/index.ts';
import type { CopyRole } from '../types.ts';
import { checkNature } from './checkNature.ts';
import { checkRetention, type Keeping } from './checkRetention.ts';
import type { Finding } from './finding.ts';

export { checkClaims, checkQueues, checkUnread, type Keeping, type Placed } from './checkRetention.ts';

/** What a copy will bring into its target. */
export interface CopySize {
  messages: number;
  bytes: number;
  /** The most messages that any one of its subjects has. */
  mostPerSubject: number;
  /** What has to have room besides: our own messages, and what publishers bring while the run goes on. */
  besides?: { messages: number; bytes: number };
}

/** A stream that stands, or one that is still to be made. */
type Target = Pick<StreamInfo, 'config' | 'state'>;

const limited = (limit: number | undefined): limit is number => limit !== undefined && limit > 0;

const refuse = (code: string, message: string, hint: string): Finding => ({
  code,
  severity: 'refuse',
  message,
  hint,
});

/**
 * Whether a target has room for everything that its copies bring together. Full, it would stop them (`discard: new`) or
 * drop its oldest. A way back into a stream that is full by nature and drops its oldest by itself is only warned of: it
 * would have dropped the same, had it owned the subjects all the time.
 */
export function checkRoom({ config, state }: Target, size: CopySize, wayBack: boolean): Finding[] {
  const besides = size.besides ?? { messages: 0, bytes: 0 };
  const rows = [
    [
      'target-bytes',
      state.bytes,
      size.bytes,
      besides.bytes,
      config.max_bytes,
      'maxBytes',
      ' bytes',
      'about ',
    ],
    [
      'target-messages',
      state.messages,
      size.messages,
      besides.messages,
      config.max_msgs,
      'maxMsgs',
      ' messages',
      '',
    ],
  ] as const;
  return rows.flatMap(([code, held, more, reserve, limit, field, unit, about]) => {
    const needed = held + more + (more > 0 ? reserve : 0);
    if (!limited(limit) || more === 0 || needed <= limit) return [];
    const room = reserve > 0 ? ` and ${reserve} come besides (ours, and what is published meanwhile)` : '';
    const numbers = `${config.name} holds ${held}${unit}, the copy brings ${about}${more}, its ${field} is ${limit}`;
    const finding = refuse(
      code,
      `${numbers}${room}`,
      `raise ${field} of ${config.name} to at least ${needed}`,
    );
    const dropsOldest = wayBack && config.discard !== 'new' && more <= limit;
    if (!dropsOldest) return [finding];
    const go = Math.max(0, held + more - limit);
    return [{ ...finding, severity: 'warn', message: `${numbers}: about ${go} of its oldest go${room}` }];
  });
}

/**
 * Where one copy cannot be made without loss while its lag reads 0: the target's largest message,
 * its limit per subject, the nature of both streams. Each finding names both numbers.
 */
export function checkCopy(
  copy: CopyRole,
  size: CopySize,
  origin: Target,
  target: Target,
  keeps: Keeping = { interest: false, workqueue: false },
): Finding[] {
  const { config } = target;
  const name = copy.target;
  const findings: Finding[] = [];
  if (limited(config.max_msgs_per_subject) && size.mostPerSubject > config.max_msgs_per_subject) {
    findings.push(
      refuse(
        'target-messages-per-subject',
        `${copy.origin} has up to ${size.mostPerSubject} messages on one subject, maxMsgsPerSubject of ${name} is ${config.max_msgs_per_subject}`,
        `raise maxMsgsPerSubject of ${name}`,
      ),
    );
  }
  const most = origin.config.max_msg_size ?? -1;
  if (limited(config.max_msg_size) && (most <= 0 || most > config.max_msg_size)) {
    findings.push(
      refuse(
        'target-message-size',
        `${copy.origin} takes messages of ${most <= 0 ? 'any size' : `${most} bytes`}, maxMsgSize of ${name} is ${config.max_msg_size}: a larger one would be left behind without a word`,
        `raise maxMsgSize of ${name}, or lower the one of ${copy.origin} first`,
      ),
    );
  }
  if (target.config.republish && size.messages > 0) {
    findings.push({
      code: 'copies-republished',
      severity: 'warn',
      message: `${name} publishes what it stores again (republish, to ${target.config.republish.dest}): subscribers there hear about ${size.messages} copies once more`,
      hint: `take republish from ${name} until the copy has caught up, if they mind`,
    });
  }
  return [
    ...findings,
    ...checkRetention(origin.config, target.config, keeps),
    ...checkNature(origin),
    ...checkNature(target),
  ];
}

/**
 * Consumers that a handover makes on a stream, all at once at most: a copy's source reads its origin through one on some servers, and two
 * throw-away readers compare; `moved`: durables that are made there; `keepers`: one more where it is kept by a keeper.
 */
export function checkConsumers(
  { config }: Pick<StreamInfo, 'config'>,
  held: number,
  needs: { sources: number; moved: number; keepers: number },
): Finding[] {
  const limit = config.max_consumers ?? -1;
  const more = needs.sources + needs.moved + needs.keepers + READERS;
  if (!limited(limit) || held + more <= limit) return [];
  return [
    refuse(
      'stream-consumers',
      `${config.name} has ${held} consumers, the handover makes up to ${more} more there, its maxConsumers is ${limit}`,
      `raise maxConsumers of ${config.name} to at least ${held + more}, or end consumers that nobody needs`,
    ),
  ];
}

/** A copy is compared through one reader on each side, and a window's held messages are looked for by another. */
const READERS = 2;

/** What a migration needs of its account, all copies and new streams together; the copy takes its space twice. */
export interface AccountNeeds {
  /** Bytes that copies bring, by where their targets store them. */
  bytes: number;
  memoryBytes?: number;
  streams: number;
  consumers: number;
  /** What new streams reserve: their maxBytes, by storage. */
  reserve?: number;
  memoryReserve?: number;
  /** New streams without maxBytes, where the account asks for it. */
  unbounded?: string[];
}

/** What the account allows, against what all copies need together. An account with tiers is asked for the tier of its replicas. */
export function checkAccount(account: AccountInfo, needs: AccountNeeds, replicas = 1): Finding[] {
  const tier = account.tiers?.[`R${replicas}`];
  const { limits, ...used } = tier ?? account;
  const { memoryBytes = 0, reserve = 0, memoryReserve = 0, unbounded = [] } = needs;
  const rows = [
    ['storage', used.storage, needs.bytes, limits.max_storage, 'bytes of storage'],
    ['memory', used.memory, memoryBytes, limits.max_memory, 'bytes of memory'],
    ['reserved', used.reserved_storage ?? 0, reserve, limits.max_storage, 'bytes of reserved storage'],
    ['reserved', used.reserved_memory ?? 0, memoryReserve, limits.max_memory, 'bytes of reserved memory'],
    ['streams', used.streams, needs.streams, limits.max_streams, 'streams'],
    ['consumers', used.consumers, needs.consumers, limits.max_consumers, 'consumers'],
  ] as const;
  const findings = rows
    .filter(([, held, more, limit]) => limit > 0 && more > 0 && held + more > limit)
    .map(([what, held, more, limit, unit]) =>
      refuse(
        `account-${what}`,
        `the account uses ${held} ${unit}, the migration needs ${more} more, the limit is ${limit}`,
        `raise the account's limit to at least ${held + more}`,
      ),
    );
  if (!limits.max_bytes_required || unbounded.length === 0) return findings;
  const message = `the account takes no stream without maxBytes, and ${unbounded.join(', ')} has none`;
  return [...findings, refuse('account-max-bytes', message, 'set maxBytes in the topology')];
}
