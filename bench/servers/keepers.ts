import { setTimeout as delay } from 'node:timers/promises';
import { openWriter } from '../../topology/src/index.ts';
import { startNatsCluster } from '../../test/support/natsCluster.ts';

const way = process.argv[2] as 'keeper' | 'limits';
const rounds = Number(process.argv[3] ?? 5);
const stops = process.argv[4] === 'stop';
const kills = process.argv[4] === 'follower' || process.argv[4] === 'leader' ? process.argv[4] : undefined;
const cluster = await startNatsCluster(3);
const account = await openWriter({ servers: cluster.urls });
const until = async (fact: () => Promise<boolean>, ms = 30_000): Promise<void> => {
  const deadline = performance.now() + ms;
  while (!(await fact().catch(() => false))) {
    if (performance.now() > deadline) throw new Error('until: ' + fact);
    await delay(20);
  }
};
const serverOf = async (): Promise<Map<string, number>> => {
  const map = new Map<string, number>();
  for (const [i, url] of cluster.urls.entries()) {
    const a = await openWriter({ servers: [url] });
    map.set(a.server.name, i);
    await a.close();
  }
  return map;
};
const servers = await serverOf();
try {
  for (let round = 0; round < rounds; round++) {
    const S = `I${round}`;
    await account.createStream({
      name: S,
      subjects: [`i${round}.>`],
      retention: 'interest',
      num_replicas: 3,
      storage: 'file',
    } as never);
    await account.createConsumer(S, {
      durable_name: 'a',
      ack_policy: 'explicit',
      filter_subject: `i${round}.a`,
      max_ack_pending: 5000,
    } as never);
    let going = true;
    let failed = 0;
    const publishers = Array.from({ length: 16 }, async (_, p) => {
      for (let n = 0; going; n++) {
        await account.connection
          .request(p % 4 === 3 ? `i${round}.nobody` : `i${round}.a`, `${p} ${n}`, { timeout: 5000 })
          .catch(() => {
            failed++;
          });
        await delay(3);
      }
    });
    const consumer = await account.connection.jetstream().consumers.get(S, 'a');
    const messages = await consumer.consume({ max_messages: 500 });
    const worker = (async () => {
      for await (const m of messages) m.ack();
    })();
    await delay(700);
    const info = (await account.stream(S))!;
    const follower = info.cluster!.replicas![round % 2]!.name;
    const pid = cluster.servers[servers.get(follower)!]!.pid!;
    if (stops) process.kill(pid, 'SIGSTOP');
    const asked = performance.now();
    const back = delay(1500).then(() => {
      if (stops) process.kill(pid, 'SIGCONT');
    });
    let known = 0;
    let killed = '';
    if (way === 'keeper') {
      for (;;) {
        try {
          await account.createConsumer(S, {
            durable_name: 'keeper',
            ack_policy: 'explicit',
            deliver_policy: 'all',
          } as never);
          break;
        } catch (e) {
          if (performance.now() - asked > 20000) throw e;
          await delay(50);
        }
      }
      await until(async () => {
        const c = await account.consumer(S, 'keeper');
        const r = (c as any)?.cluster?.replicas;
        return r?.length === 2 && r.every((x: any) => x.current && !x.offline);
      });
    } else await account.updateStream({ ...(await account.stream(S))!.config, retention: 'limits' });
    known = performance.now() - asked;
    const from = (await account.stream(S))!.state.last_seq + 1;
    await back;
    if (kills) {
      const name = kills === 'leader' ? (await account.stream(S))!.cluster!.leader! : follower;
      const node = cluster.servers[servers.get(name)!]!;
      await node.kill();
      await delay(800);
      await node.restart();
      killed = name;
    }
    await delay(3000);
    going = false;
    await Promise.all(publishers);
    await delay(300);
    await messages.close();
    await worker;
    await until(async () =>
      (await account.stream(S))!.cluster!.replicas!.every((r: any) => r.current && !(r.lag > 0)),
    );
    let last = 0;
    await until(async () => {
      last = (await account.stream(S))!.state.last_seq;
      return last > 0;
    });
    const lacks: string[] = [];
    const seen = new Set<string>();
    await until(async () => {
      const i = await account.stream(S);
      const leader = i?.cluster?.leader;
      if (leader && !seen.has(leader)) {
        const { state } = await account.api<any>(`STREAM.INFO.${S}`, { deleted_details: true });
        const holes = (state.deleted ?? []).filter((s: number) => s >= from).length;
        seen.add(leader);
        lacks.push(
          `${leader}${leader === (killed || follower) ? '(it)' : ''}: lacks ${Math.max(0, state.first_seq - from) + holes} of ${last - from + 1}`,
        );
      }
      if (seen.size === 3) return true;
      const next = [...servers.keys()].find((s) => !seen.has(s))!;
      await account.api(`STREAM.LEADER.STEPDOWN.${S}`, { placement: { preferred: next } }).catch(() => {});
      await delay(400);
      return false;
    }, 60_000);
    console.log(
      way,
      'round',
      round,
      'known after',
      Math.round(known),
      'ms; failed',
      failed,
      ';',
      lacks.join('; '),
    );
    await account.deleteStream(S).catch(() => {});
    await delay(3000);
  }
} finally {
  await account.close();
  await cluster.stop();
}
process.exit();
