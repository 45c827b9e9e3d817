import { expect, it } from 'vitest';
import { MessageHeaders } from '../../../topology/src/jetstream/headers.ts';
import { SubjectTally } from '../../../topology/src/handover/compare/subjectTally.ts';

it('tells the lowest and the highest sequence of a subject, in whatever order its messages were walked', () => {
  const tally = new SubjectTally();
  for (const seq of [49, 51, 47])
    tally.addOrigin({
      seq,
      subject: 'x',
      headers: new MessageHeaders(new Uint8Array()),
      data: new Uint8Array(),
    } as unknown as Parameters<SubjectTally['addOrigin']>[0]);
  expect(tally.end()[0]!.from).toMatchObject({ messages: 3, first: 47, last: 51 });
});
