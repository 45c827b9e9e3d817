import { OpsError } from '@aa-ops/topology';
import { expect, it } from 'vitest';
import { runValidate } from '../../../cli/src/commands/validate.ts';
import { withFiles } from './checkText.ts';
import { small } from './examples.ts';

it('says what it judged', async () => {
  expect(await runValidate({ topologyPath: 'topology' })).toEqual({
    ok: true,
    json: { schemaVersion: 1, valid: true, environments: ['local', 'staging', 'production'], problems: [] },
    text: 'topology is valid for local, staging, production',
  });
  expect(await runValidate({ topologyPath: 'topology', environment: 'local' })).toMatchObject({
    text: 'topology is valid for local',
  });
});

it('shows every problem with its fix, and counts them', async () => {
  await withFiles(
    { 't.yaml': small.replace('7d', '7x').replace('users.>]', 'users.a*]') },
    async (folder) => {
      const { ok, text, json } = await runValidate({ topologyPath: folder });
      expect(ok).toBe(false);
      expect(json).toMatchObject({
        valid: false,
        problems: [{ code: 'bad-duration' }, { code: 'wildcard-in-token' }],
      });
      expect(text.replaceAll(folder, 'F').split('\n')).toEqual([
        'F/t.yaml:4:18: error: streams.ALL.maxAge is "7x", not a duration or unlimited [bad-duration]',
        '    write a number and a unit (ms, s, m, h, d), such as 30s, 2m, 48h or 7d',
        'F/t.yaml:11:33: warning: a* in "users.a*" is no wildcard [wildcard-in-token]',
        '    write * or > as a token of its own',
        'F: 1 error, 1 warning',
      ]);
    },
  );
});

it('passes a file that has warnings only', async () => {
  await withFiles({ 't.yaml': small.replace('replicas: 3', 'replicas: 2') }, async (folder) => {
    const { ok, text } = await runValidate({ topologyPath: folder });
    expect({ ok, last: text.replaceAll(folder, 'F').split('\n').at(-1) }).toEqual({
      ok: true,
      last: 'F is valid for here, there, with 1 warning',
    });
  });
});

it('refuses an environment that there is not', async () => {
  await expect(runValidate({ topologyPath: 'topology', environment: 'nowhere' })).rejects.toThrow(OpsError);
});
