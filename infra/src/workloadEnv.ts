import type { ConfigMapSpec } from '@aa-ops/topology';

/** Variables of the pods that the program sets itself: a second value in `workloads.NAME.env` would win without a word. What to do instead. */
const OWN: Readonly<Record<string, string>> = {
  NATS_URL: "name the servers in the topology's environment",
  NATS_CREDS: 'set secrets.nats',
  DATABASE_URL: 'set secrets.database',
  INGEST_TOKEN: 'set secrets.ingest',
  INGEST_HMAC_SECRET: 'set secrets.ingestHmac',
  OURA_WEBHOOK_SECRET: 'set secrets.ouraWebhook',
  OURA_CLIENT_SECRET: 'set secrets.ouraClient',
  OURA_VERIFICATION_TOKEN: 'set secrets.ouraVerification',
  OURA_TOKEN_KEY: 'set secrets.ouraTokenKey',
  OURA_OAUTH_TOKEN: 'set secrets.ouraOauth',
  PORT: "change the workload's port in the topology",
  STOP_TIMEOUT_MS: 'leave it: it fits the time that Kubernetes gives the pods',
  OTEL_TRACES_SAMPLER_ARG: 'set telemetry.sampleRatio',
  OTEL_EXPORTER_OTLP_ENDPOINT: 'set telemetry.otlpEndpoint',
  // The NetworkPolicy lets the pods out to the other one.
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'set telemetry.otlpEndpoint',
  // A collector's token goes in them.
  OTEL_EXPORTER_OTLP_HEADERS: 'set secrets.otlpHeaders',
  OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'set secrets.otlpHeaders',
};

const SECRET_NAME = /TOKEN|SECRET|PASSW|PASSPHRASE|CREDENTIAL|(?:API|ACCESS|PRIVATE)_?KEY/;

/** Whether a value, or one of several with commas, is a URL with a user or password in it; in NATS a user alone is a token. */
export const carriesCredentials = (value: string): boolean =>
  value.split(',').some((part) => /^[a-z][a-z0-9+.-]*:\/\/[^\s/?#]*@/i.test(part.trim()));

/** Why a stack may not set this variable, and what to do instead; undefined: it may. Never repeats the value. */
export function problemOfVariable(name: string, value: string): string | undefined {
  const instead = Object.hasOwn(OWN, name) ? OWN[name] : undefined;
  if (instead) return `is set by the program: ${instead}`;
  if (SECRET_NAME.test(name))
    return 'looks like a secret, and this file is checked in: refer to a Secret in secrets, the runtime reads no others';
  if (carriesCredentials(value))
    return 'is a URL with credentials, and this file is checked in: refer to a Secret in secrets';
  return undefined;
}

/** The same for what the topology's ConfigMap says to the pods: `env` would win, over a migration's mode too. */
export function problemOfKey(
  name: string,
  { name: configMap, modeKey, data }: ConfigMapSpec,
): string | undefined {
  if (name === modeKey)
    return `is the mode, which aa-ops writes into ConfigMap ${configMap}: leave it out, and migrate`;
  return Object.hasOwn(data, name)
    ? `is a key of ConfigMap ${configMap}: change configMap.data in the topology`
    : undefined;
}
