import { messageOf } from '@aa-ops/topology';

/** Why a request failed: `fetch` itself only says that it did, its cause says why. */
export function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  return messageOf(cause) || String((cause as { code?: string }).code ?? cause);
}
