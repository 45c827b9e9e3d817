import { describe, expect, it } from 'vitest';
import { type Candidate, groupByKey, toColumns } from '../../../consumers-runtime/src/normalize/rows.ts';

const candidate = (userId: string, date: string, capturedAtMs: number, rmssd = 50): Candidate => ({
  incoming: undefined as never,
  place: 0,
  event: { userId, date, rmssd, capturedAtMs },
  capturedAtMs,
});

describe('rows', () => {
  it('holds each user and day once, the newest instant last, a later message behind an equal one', () => {
    const [first, newest, oldest, equal] = [20, 30, 10, 30].map((ms, i) =>
      candidate('a', '2025-01-01', ms, i + 1),
    );
    const groups = groupByKey([first!, newest!, oldest!, equal!, candidate('a', '2025-01-02', 0)]);
    expect(groups.map((group) => group.length)).toEqual([4, 1]);
    expect(groups[0]).toEqual([oldest, first, newest, equal]);
  });

  it('is sorted by key, whatever the order of arrival', () => {
    const keys = ['b', 'a', 'ab', 'B'].flatMap((user) =>
      ['2025-01-02', '2025-01-01'].map((day) => candidate(user, day, 0)),
    );
    const order = (list: Candidate[]): string[] =>
      groupByKey(list).map(([one]) => `${one!.event.userId} ${one!.event.date}`);
    expect(order(keys)).toEqual(order([...keys].reverse()));
  });

  it('becomes array literals that no user id can break out of', () => {
    const ids = ['plain-id_1', 'NULL', 'null', '', '{', '}', ',', '"', '\\', '\\"', ' x ', 'é😀', "'"];
    const [users] = toColumns(ids.map((id) => [candidate(id, '2025-01-01', 0)]));
    expect(users).toBe(`{plain-id_1,"NULL","null","","{","}",",","\\"","\\\\","\\\\\\""," x ","é😀","'"}`);
  });
});
