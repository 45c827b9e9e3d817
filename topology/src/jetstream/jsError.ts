import { OpsError } from '../errors.ts';

/** JetStream's own error codes that decide something here (server/errors.json of nats-server). */
export const JsError = {
  notEnabledForAccount: 10039,
  subjectOverlap: 10065,
  streamNameInUse: 10058,
  wrongLastSequence: 10071,
  replicasDiffer: 10134,
} as const;

/** The server refused a JetStream request: its HTTP-like code, its err_code and its own words. */
export class JetStreamError extends OpsError {
  readonly status: number;
  readonly errCode: number;
  constructor(subject: string, error: { code: number; err_code?: number; description?: string }) {
    const errCode = error.err_code ?? 0;
    super(
      `jetstream-${errCode}`,
      `${error.description ?? 'refused'} (${error.code}, err_code ${errCode}, ${subject})`,
      {
        details: { status: error.code, errCode, description: error.description, request: subject },
      },
    );
    this.name = 'JetStreamError';
    this.status = error.code;
    this.errCode = errCode;
  }
}
