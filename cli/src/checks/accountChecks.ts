import {
  diff,
  desiredIn,
  findHeldElsewhere,
  type LiveAccount,
  MIXED,
  NO_MODE,
  type PlannedChange,
  readLive,
  readMode,
} from '@aa-ops/topology';
import { formatAmount, formatBytes } from '../render/numbers.ts';
import { type Check, type CheckContext, type Finding, green, red, skipped, yellow } from './check.ts';
import { oncePerRun } from './runChecks.ts';

/** Metadata, S2 compression, several filters and subject transforms need it (docs/servers.md). */
const OLDEST_SERVER = [2, 10] as const;
/** Share of the account's storage in use from which on it is worth a look: a copy takes its space twice. */
const STORAGE_WARN = 0.8;

/** The account as it stands, read once for all checks of one run. */
export const live = oncePerRun(({ account, topology }): Promise<LiveAccount> => readLive(account, topology));

export const natsServer: Check = {
  id: 'nats-server',
  title: 'NATS answers, in a version that can do it',
  runbook: 'Prerequisites, Infrastructure Access',
  async run({ account: { server } }) {
    const [major = 0, minor = 0] = server.version.split('.').map((part) => Number.parseInt(part, 10));
    const evidence = `nats-server ${server.version} (${server.name}${server.cluster ? ` of ${server.cluster}` : ''})`;
    const isOld = major < OLDEST_SERVER[0] || (major === OLDEST_SERVER[0] && minor < OLDEST_SERVER[1]);
    return isOld ? red(evidence, `update it to ${OLDEST_SERVER.join('.')} or newer`) : green(evidence);
  },
};

export const jetStream: Check = {
  id: 'jetstream',
  title: 'JetStream is on and has room',
  runbook: 'Prerequisites, Infrastructure Access',
  async run({ account }) {
    const { storage, streams, consumers, limits } = await account.accountInfo();
    const counts = `${formatAmount(streams, 'stream')}, ${formatAmount(consumers, 'consumer')}`;
    if (limits.max_storage <= 0) return green(`${counts}, ${formatBytes(storage)}, no limit`);
    const evidence = `${counts}, ${formatBytes(storage)} of ${formatBytes(limits.max_storage)}`;
    const isFull = storage > STORAGE_WARN * limits.max_storage;
    return isFull ? yellow(evidence, "raise the account's storage limit") : green(evidence);
  },
};

export const liveMode: Check = {
  id: 'mode',
  title: 'Every subject has the owner that the mode gives it',
  runbook: 'Pre-Deployment, Step 2, Verification',
  async run(context) {
    const { live: mode, differences } = readMode(context.topology, await live(context));
    if (mode === NO_MODE) return red('no stream of the topology stands', 'aa-ops apply');
    const details = differences
      .filter((one) => one.mode === context.ownedIn)
      .map(({ stream, missing, extra }) =>
        [
          stream,
          ...(missing.length > 0 ? [`lacks ${missing.join(', ')}`] : []),
          ...(extra.length > 0 ? [`has ${extra.join(', ')}`] : []),
        ].join(' '),
      )
      .join('; ');
    if (mode === context.ownedIn && !details) return green(`mode ${mode}`);
    const evidence = `mode ${mode}, not ${context.ownedIn}${details ? `: ${details}` : ''}`;
    if (mode === context.ownedIn) return red(`mode ${mode}, but ${details}`, `aa-ops migrate --to ${mode}`);
    return red(evidence, mode === MIXED ? 'aa-ops plan' : `aa-ops migrate --to ${context.ownedIn}`);
  },
};

/** Yellow: only a migration to that mode is in the way of it, and its plan refuses. */
export const foreignSubjects: Check = {
  id: 'foreign-subjects',
  title: 'No stream outside the topology hears what a mode gives to one of its own',
  runbook: 'Pre-Deployment, Step 2: Create Streams',
  async run(context) {
    const { foreign } = await live(context);
    const wanted = Object.values(context.topology.modes).flatMap(({ subjects: owned }) =>
      Object.entries(owned).map(([stream, subjects]) => ({ stream, subjects })),
    );
    const held = findHeldElsewhere(
      wanted,
      foreign.map(({ info }) => info.config),
    );
    if (held.length === 0) return green(`${formatAmount(foreign.length, 'other stream')}, none of them does`);
    const evidence = held.map(
      (one) => `${one.stream} would hear ${one.subject}, ${one.heldBy} hears ${one.heldSubject}`,
    );
    return yellow(
      [...new Set(evidence)].join('; '),
      'take these subjects from those streams, or declare them in the topology',
    );
  },
};

/** Streams as the mode that owns the subjects has them, durables as the mode of the pods has them. */
async function changes(context: CheckContext, kind: 'stream' | 'consumer'): Promise<PlannedChange[]> {
  const account = await live(context);
  const { topology, mode, ownedIn } = context;
  const desired = {
    mode: ownedIn,
    streams: desiredIn(topology, ownedIn).streams,
    consumers: desiredIn(topology, mode).consumers,
  };
  const reading = readMode(topology, account);
  return diff({ topology, desired, live: account, mode: reading, runOpen: true }).changes.filter(
    (change) => change.kind === kind,
  );
}

const describe = ({ name, stream, action, reason, fields }: PlannedChange): string =>
  `${stream ? `${stream} > ` : ''}${name}: ${action === 'update' ? `differs in ${fields.map(({ path }) => path).join(', ')}` : reason}`;

function judge(all: PlannedChange[], isRed: (change: PlannedChange) => boolean, next: string): Finding {
  const open = all.filter(({ action }) => action !== 'none');
  const names = all.map(({ name, stream }) => (stream ? `${name} on ${stream}` : name)).join(', ');
  if (open.length === 0) return green(names);
  const evidence = open.map(describe).join('; ');
  return open.some(isRed) ? red(evidence, next) : yellow(evidence, next);
}

export const streams: Check = {
  id: 'streams',
  title: 'Every stream of the mode stands as the topology has it',
  runbook: 'Pre-Deployment, Step 2, Verification',
  async run(context) {
    const owners = context.topology.modes[context.ownedIn]!.subjects;
    const isOwner = ({ name }: PlannedChange): boolean => (owners[name]?.length ?? 0) > 0;
    const all = (await changes(context, 'stream')).filter(
      (change) => change.action !== 'create' || isOwner(change),
    );
    return judge(all, (change) => change.action !== 'update' && isOwner(change), 'aa-ops plan');
  },
};

export const consumers: Check = {
  id: 'consumers',
  title: 'Every durable of the mode stands as the topology has it',
  runbook: 'Pre-Deployment, Step 3, Verification',
  async run(context) {
    const all = await changes(context, 'consumer');
    if (all.length === 0) return skipped(`mode ${context.mode} has no durables`);
    const isRed = ({ action }: PlannedChange): boolean => action !== 'update';
    // It was deleted, and the one that a migration left behind stands: only a way back knows where that one has to go on.
    const isLost = all.some(({ action }) => action === 'handover');
    const next = isLost
      ? `aa-ops rollback, then aa-ops migrate --to ${context.mode}`
      : 'aa-ops consumers apply';
    return judge(all, isRed, next);
  },
};
