import type pg from 'pg';

/** Never waits long: `end` destroys the socket when a statement is running, and says goodbye when none is. */
export async function hangUp(client: pg.Client): Promise<void> {
  client.on('error', () => {}); // a lost connection may complain once more
  await Promise.race([
    client.end().catch(() => {}),
    new Promise((resolve) => setTimeout(resolve, 500).unref()),
  ]);
}
