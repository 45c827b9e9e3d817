import { redact } from '../frame/redact.ts';

/** Keys whose values nobody should find in a file; a ConfigMap should not hold any, but may. */
const SECRET_KEY = /(SECRET|TOKEN|PASSWORD|PASSWD|CREDENTIAL|PRIVATE|API_?KEY|SEED)/i;

export const HIDDEN = '(hidden)';

/** The same keys; values of secret-sounding ones are hidden, credentials in URLs too. */
export const hideSecrets = (data: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(data).map(([key, value]) => [key, SECRET_KEY.test(key) ? HIDDEN : redact(value)]),
  );
