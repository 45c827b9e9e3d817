/*
 * Whether every replica of a stream with retention `interest` keeps everything once it is told to: by its retention, or by a durable that acks nothing
 * (adr/0023). Three servers, a worker that acks what it gets, publishers on a subject that it reads and on one that nobody reads. A follower may be
 * stopped while the stream is told (stop), or a server killed and started again behind that (follower, leader). In the end each replica leads in turn,
 * and says what it lacks of what came since. Run: npx tsx bench/servers/keepers.ts limits|keeper ROUNDS [none|stop|follower|leader] [VERSION]
 */
import { setTimeout as delay } from 'node:timers/promises';
import {
  type HandoverContext,
  type JetStreamWriter,
  keepEverything,
  openWriter,
  silentHost,
} from '../../topology/src/index.ts';
import { fetchNatsServer } from '../../cli/src/servers/index.ts';
import { startNatsCluster } from '../../test/support/servers.ts';

const [way = 'keeper', rounds = '5', trouble = 'none', version] = process.argv.slice(2);
const AWAY_MS = 1_500;
const GOES_ON_MS = 3_000;

const cluster = await startNatsCluster(3, version ? { binary: (await fetchNatsServer(version)).path } : {});
const account = await openWriter({ servers: cluster.urls });
const processes = new Map<string, (typeof cluster.servers)[number]>();
for (const server of cluster.servers) {
  const through = await openWriter({ servers: [server.url] });
  processes.set(through.server.name, server);
  await through.close();
}

async function until(fact: () => Promise<boolean>): Promise<void> {
  while (!(await fact().catch(() => false))) await delay(20);
}

const context: HandoverContext = {
  account,
  host: silentHost,
  journal: { effect: (_name, _data, work) => work() },
  signal: new AbortController().signal,
};

/** Publishes and works until it is ended. */
async function startTraffic(stream: string): Promise<{ end(): Promise<void> }> {
  let going = true;
  const publishers = Array.from({ length: 16 }, async (_, publisher) => {
    const subject = `${stream}.${publisher % 4 === 3 ? 'nobody' : 'read'}`;
    while (going) {
      await account.connection.request(subject, 'x', { timeout: 5_000 }).catch(() => {});
      await delay(3);
    }
  });
  const consumer = await account.connection.jetstream().consumers.get(stream, 'worker');
  const messages = await consumer.consume();
  const worker = (async () => {
    for await (const message of messages) message.ack();
  })();
  return {
    async end() {
      going = false;
      await Promise.all(publishers);
      await messages.close();
      await worker;
    },
  };
}

/** What each replica lacks from a sequence on, as it tells when it leads. */
async function lacking(stream: string, from: number): Promise<Map<string, number>> {
  const lacks = new Map<string, number>();
  await until(async () => {
    const leader = (await account.stream(stream))?.cluster?.leader;
    if (leader && !lacks.has(leader)) {
      const { state } = await account.api<{ state: { first_seq: number; deleted?: number[] } }>(
        `STREAM.INFO.${stream}`,
        { deleted_details: true },
      );
      const holes = (state.deleted ?? []).filter((seq) => seq >= from).length;
      lacks.set(leader, Math.max(0, state.first_seq - from) + holes);
    }
    if (lacks.size === processes.size) return true;
    const preferred = [...processes.keys()].find((name) => !lacks.has(name));
    const stepDown = (wanted?: object) => account.api(`STREAM.LEADER.STEPDOWN.${stream}`, wanted);
    await stepDown({ placement: { preferred } }).catch(() => stepDown()); // 2.10 takes no wishes
    await delay(300);
    return false;
  });
  return lacks;
}

const tell = async (writer: JetStreamWriter, stream: string): Promise<unknown> =>
  way === 'keeper'
    ? keepEverything(context, stream)
    : writer.updateStream({ ...(await writer.stream(stream))!.config, retention: 'limits' });

try {
  for (let round = 0; round < Number(rounds); round++) {
    const stream = `S${round}`;
    await account.createStream({
      name: stream,
      subjects: [`${stream}.>`],
      retention: 'interest',
      num_replicas: 3,
    });
    await account.createConsumer(stream, {
      durable_name: 'worker',
      ack_policy: 'explicit',
      filter_subject: `${stream}.read`,
    });
    const traffic = await startTraffic(stream);
    await delay(500);
    const { leader = '', replicas = [] } = (await account.stream(stream))!.cluster!;
    const follower = replicas[round % replicas.length]!.name;
    const stopped = trouble === 'stop' ? processes.get(follower)!.pid! : undefined;
    if (stopped) process.kill(stopped, 'SIGSTOP');
    const back = delay(AWAY_MS).then(() => stopped && process.kill(stopped, 'SIGCONT'));
    await tell(account, stream);
    const from = (await account.stream(stream))!.state.last_seq + 1;
    await back;
    if (trouble === 'follower' || trouble === 'leader') {
      const server = processes.get(trouble === 'leader' ? leader : follower)!;
      await server.kill();
      await delay(AWAY_MS);
      await server.restart();
    }
    await delay(GOES_ON_MS);
    await traffic.end();
    const isCalm = async (): Promise<boolean> =>
      (await account.stream(stream))!.cluster!.replicas!.every(
        ({ current, lag = 0 }) => current && lag === 0,
      );
    await until(isCalm);
    const last = (await account.stream(stream))!.state.last_seq;
    const lacks = [...(await lacking(stream, from))].map(([name, count]) => `${name} ${count}`);
    console.log(`${way}, ${trouble}: of ${last - from + 1} messages since lack ${lacks.join(', ')}`);
    await account.deleteStream(stream);
  }
} finally {
  await account.close();
  await cluster.stop();
}
process.exit();
