import { describe, expect, it } from 'vitest';
import { type Candidate, newestOfEach } from '../../../consumers-runtime/src/normalize/rows.ts';

const candidate = (userId: string, date: string, capturedAtMs: number, place = 0): Candidate => ({
  place,
  event: { userId, date, rmssd: 50, capturedAtMs },
  capturedAtMs,
  older: undefined,
});

describe('rows', () => {
  it('are the newest instant of each user and day, a later message before an equal one, the superseded behind it', () => {
    const [first, newest, oldest, equal] = [20, 30, 10, 30].map((ms, place) =>
      candidate('a', '2025-01-01', ms, place),
    );
    const rows = newestOfEach([first!, newest!, oldest!, equal!, candidate('a', '2025-01-02', 0, 4)]);
    expect(rows.map((row) => row.place)).toEqual([3, 4]);
    expect([rows[0]!.older, newest!.older, first!.older, oldest!.older]).toEqual([
      newest,
      first,
      oldest,
      undefined,
    ]);
  });

  it('are sorted by user and day, whatever the order of arrival', () => {
    const keys = ['b', 'a', 'ab', 'B'].flatMap((user) =>
      ['2025-01-02', '2025-01-01'].map((day) => candidate(user, day, 0)),
    );
    const order = (list: Candidate[]): string[] =>
      newestOfEach(list).map(({ event }) => `${event.userId} ${event.date}`);
    expect(order(keys)).toEqual(order([...keys].reverse()));
  });
});
