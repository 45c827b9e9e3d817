import { isValidFilter, OpsError } from '@aa-ops/topology';

/** Throws OpsError `subject-invalid` (usage) for what is no filter: the server would only find nothing, or say why in a number. */
export function requireFilter(filter: string): void {
  if (isValidFilter(filter)) return;
  throw new OpsError('subject-invalid', `--subject ${JSON.stringify(filter)} is no subject and no filter`, {
    kind: 'usage',
    hint: 'write tokens with dots between them, * for any one of them, > for all that follow, such as orders.*.paid',
  });
}
