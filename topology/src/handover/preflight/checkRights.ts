import type { Permission, Rights } from '../../jetstream/index.ts';
import { covers } from '../../subjects/sets.ts';
import { overlaps } from '../../subjects/algebra.ts';
import { RESERVED_PREFIX, STATE_BUCKET } from '../../model.ts';
import type { Finding } from './finding.ts';

/** Whether a permission covers every subject of a filter. No list at all allows everything. */
export function allows(permission: Permission | undefined, subject: string): boolean {
  if (!permission) return true;
  if (permission.deny?.some((denied) => overlaps(denied, subject))) return false;
  return permission.allow === undefined || permission.allow.length === 0 || covers(permission.allow, subject);
}

/** Without these the run cannot be done at all. `$JS.API` stands for the account's prefix; `queues` are those of the streams that are work queues. */
export function checkRights(
  rights: Rights | undefined,
  streams: readonly string[],
  prefix: string,
  queues: readonly string[] = [],
): Finding[] {
  if (!rights) return [];
  const needed = [...streams, `KV_${STATE_BUCKET}`].flatMap((stream) => [
    `${prefix}.STREAM.INFO.${stream}`,
    `${prefix}.STREAM.MSG.GET.${stream}`,
  ]);
  for (const stream of streams) {
    needed.push(
      `${prefix}.STREAM.UPDATE.${stream}`,
      `${prefix}.STREAM.MSG.DELETE.${stream}`,
      `${prefix}.CONSUMER.LIST.${stream}`,
      `${prefix}.CONSUMER.CREATE.${stream}`,
      `${prefix}.CONSUMER.DURABLE.CREATE.${stream}.*`,
      `${prefix}.CONSUMER.INFO.${stream}.*`,
      `${prefix}.CONSUMER.DELETE.${stream}.*`,
      `${prefix}.CONSUMER.MSG.NEXT.${stream}.*`,
    );
  }
  for (const queue of queues)
    needed.push(`${prefix}.CONSUMER.PAUSE.${queue}.*`, `${prefix}.STREAM.PURGE.${queue}`);
  return [...needed, `${RESERVED_PREFIX}>`, `$KV.${STATE_BUCKET}.>`]
    .filter((subject) => !allows(rights.publish, subject))
    .map((subject): Finding => ({
      code: 'right-missing',
      severity: 'refuse',
      message: `these credentials may not publish to ${subject}, which the handover needs`,
      hint: `grant the publish permission ${subject}`,
      details: { right: `publish ${subject}` },
    }));
}

/**
 * The rights of a hold: to hear and to publish the moved subjects, and to pass acks on to publishers' inboxes. Missing
 * ones are no reason to refuse: the handover then goes without a hold, and publishers meet 503 in the window.
 */
export function missingHoldRights(rights: Rights | undefined, filters: readonly string[]): string[] {
  if (!rights) return [];
  return [
    ...filters.filter((f) => !allows(rights.subscribe, f)).map((f) => `subscribe ${f}`),
    ...filters.filter((f) => !allows(rights.publish, f)).map((f) => `publish ${f}`),
    ...(allows(rights.subscribe, `${RESERVED_PREFIX}>`) ? [] : [`subscribe ${RESERVED_PREFIX}>`]),
    ...(allows(rights.publish, '_INBOX.>') ? [] : ['publish _INBOX.>']),
  ];
}
