import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  applyPlan,
  makePlan,
  openReader,
  openWriter,
  OpsError,
  pending,
  silentHost,
} from '../../../topology/src/index.ts';
import { type NatsServer, startNats } from '../../support/servers.ts';
import { athleteAlly } from '../../unit/plan/fixtures.ts';

/** What plan, drift and every dry run need, and no more. */
const READ_RIGHTS = [
  '$JS.API.INFO',
  '$JS.API.STREAM.LIST',
  '$JS.API.STREAM.INFO.*',
  '$JS.API.STREAM.MSG.GET.*',
  '$JS.API.CONSUMER.LIST.*',
  '$JS.API.CONSUMER.INFO.*.*',
];
const user = (name: string, rights: string[]) =>
  `{ user: ${name}, password: ${name}, permissions: { publish: ${JSON.stringify(rights)}, subscribe: ["_INBOX.>"] } }`;

let server: NatsServer;
beforeAll(async () => {
  server = await startNats({
    config: `
      accounts {
        APP { jetstream: enabled, users: [
          { user: admin, password: admin },
          ${user('viewer', READ_RIGHTS)},
          ${user(
            'blind',
            READ_RIGHTS.filter((right) => !right.includes('STREAM.LIST')),
          )},
          { user: deaf, password: deaf, permissions: { publish: ["$JS.API.>"], subscribe: ["foo"] } }
        ] }
        PLAIN { users: [{ user: plain, password: plain }] }
      }`,
  });
  const admin = await openWriter(as('admin'));
  await applyPlan(admin, await makePlan(admin, athleteAlly()), { allowDestructive: false, host: silentHost });
  await admin.close();
});
afterAll(() => server?.stop());

const as = (name: string, timeoutMs = 2_000) => ({
  servers: [server.url],
  user: name,
  password: name,
  timeoutMs,
});
const thrown = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  );

describe('missing rights', () => {
  it('reading rights are enough to plan', async () => {
    const reader = await openReader(as('viewer'));
    expect(pending(await makePlan(reader, athleteAlly()))).toEqual([]);
    await reader.close();
  });

  it('reading rights are not enough to write: the server refuses, and the error names the right', async () => {
    const writer = await openWriter(as('viewer'));
    const topology = athleteAlly();
    topology.streams['AA_DLQ'] = { ...topology.streams['AA_DLQ'], description: 'x' };
    const plan = await makePlan(writer, topology);
    const error = await thrown(applyPlan(writer, plan, { allowDestructive: false, host: silentHost }));
    expect(error).toBeInstanceOf(OpsError);
    expect(error).toMatchObject({
      code: 'right-missing',
      details: { right: 'publish $JS.API.STREAM.UPDATE.AA_DLQ' },
    });
    await writer.close();
  });

  it('a user who may not list streams is told which right is missing', async () => {
    const reader = await openReader(as('blind'));
    expect(await thrown(makePlan(reader, athleteAlly()))).toMatchObject({
      code: 'right-missing',
      message: expect.stringContaining('$JS.API.STREAM.LIST') as unknown,
      hint: expect.stringContaining('$JS.API.STREAM.LIST') as unknown,
    });
    await reader.close();
  });

  it('a user who may not hear the answers is told of that right, not of the publish right that it has', async () => {
    expect(await thrown(openReader(as('deaf')))).toMatchObject({
      code: 'right-missing',
      message: 'these credentials may not subscribe to _INBOX.>, where the answer to $JS.API.INFO comes',
      hint: expect.stringContaining('grant the subscribe permission _INBOX.>') as unknown,
      details: { right: 'subscribe _INBOX.>' },
    });
    const elsewhere = { ...as('deaf'), inboxPrefix: '_REPLIES.deaf' };
    expect(await thrown(openReader(elsewhere))).toMatchObject({
      details: { right: 'subscribe _REPLIES.deaf.>' },
    });
  });

  it('an account without JetStream is told so, with a way on', async () => {
    expect(await thrown(openReader(as('plain')))).toMatchObject({
      code: 'jetstream-absent',
      message: expect.stringContaining('JetStream is off for this account') as unknown,
      hint: expect.stringContaining('credentials of an account that has JetStream') as unknown,
    });
  });
});
