import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { SeenBefore } from '../../../topology/src/handover/seenBefore.ts';

const digest = (text: string): Buffer => createHash('sha1').update(text).digest();

describe('what was seen before', () => {
  it('is always known, and seldom taken for what was not', () => {
    const seen = new SeenBefore(100_000);
    let mistaken = 0;
    for (let n = 0; n < 100_000; n++) if (seen.add(digest(`id ${n}`))) mistaken++;
    expect(mistaken).toBeLessThan(200);
    for (let n = 0; n < 100_000; n += 7) expect(seen.add(digest(`id ${n}`))).toBe(true);
  });
});
