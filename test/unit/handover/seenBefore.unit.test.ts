import { describe, expect, it } from 'vitest';
import { idHash } from '../../../topology/src/handover/idHash.ts';
import { SeenBefore } from '../../../topology/src/handover/seenBefore.ts';

describe('what was seen before', () => {
  it('is always known, and seldom taken for what was not', () => {
    const seen = new SeenBefore(100_000);
    let mistaken = 0;
    for (let n = 0; n < 100_000; n++) if (seen.add(idHash(`id ${n}`))) mistaken++;
    expect(mistaken).toBeLessThan(200);
    for (let n = 0; n < 100_000; n += 7) expect(seen.add(idHash(`id ${n}`))).toBe(true);
  });
});
