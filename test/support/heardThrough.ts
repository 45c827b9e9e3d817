import { headers } from 'nats';
import { vi } from 'vitest';
import { openWriter } from '@aa-ops/topology';

/** Waits until a server routes a subject to its stream: one that was made through another server is not known to it at once, and who publishes before meets 503. */
export async function heardThrough(url: string, subject: string): Promise<void> {
  const { connection, close } = await openWriter({ servers: [url] });
  const nothingStored = headers();
  nothingStored.set('Nats-Expected-Stream', 'none');
  try {
    await vi.waitFor(
      () => connection.request(subject, undefined, { timeout: 1_000, headers: nothingStored }),
      {
        timeout: 10_000,
        interval: 10,
      },
    );
  } finally {
    await close();
  }
}
