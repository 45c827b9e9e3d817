import { messageOf, OpsError } from '@aa-ops/topology';

/** Why a request failed: `fetch` itself only says that it did, its cause says why; an error of ours says it itself. */
export function reasonOf(error: unknown): string {
  if (error instanceof OpsError) return error.message;
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  return messageOf(cause) || String((cause as { code?: string }).code ?? cause);
}
