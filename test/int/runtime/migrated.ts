import { migrate } from '../../../consumers-runtime/src/database/migrate.ts';
import { type Bus, clear } from './bus.ts';

export const MIGRATIONS = new URL('../../../consumers-runtime/migrations/', import.meta.url);

const quiet = { info() {}, warn() {}, error() {} };
const running = new AbortController().signal;

/** Nothing but the empty table, as the migrations make it. */
export async function migrated(bus: Bus): Promise<void> {
  await clear(bus);
  await migrate(bus.postgres.url, MIGRATIONS, quiet, running);
}
