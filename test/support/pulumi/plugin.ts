import * as grpc from '@grpc/grpc-js';
import type { Message } from 'google-protobuf';

/** What a plugin answers a request with; thrown errors become the call's failure. */
export type Handlers = Record<string, (request: never) => Promise<Message> | Message>;

/** A failure with more to tell than a message: `details` goes where Pulumi looks for it. */
export class PluginFailure extends Error {
  readonly details: Buffer;
  constructor(message: string, details: Buffer) {
    super(message);
    this.details = details;
  }
}

/**
 * Serves a Pulumi plugin as the engine wants it: a free port of the loopback interface, its number as the first line of stdout. Calls
 * that `handlers` lacks are answered as not implemented. Ends with the process that started it, also when that is killed.
 */
export function servePlugin(service: grpc.ServiceDefinition, handlers: Handlers): void {
  const server = new grpc.Server({
    'grpc.max_receive_message_length': -1,
    'grpc.max_send_message_length': -1,
  });
  const calls: grpc.UntypedServiceImplementation = {};
  for (const name of Object.keys(service)) {
    const handler = handlers[name];
    const respond: grpc.handleUnaryCall<never, Message> = (call, answer) => {
      if (!handler) return answer({ code: grpc.status.UNIMPLEMENTED, details: `${name} is not implemented` });
      Promise.resolve()
        .then(() => handler(call.request))
        .then(
          (it) => answer(null, it),
          (error: Error) => answer(failureOf(error)),
        );
    };
    calls[name] = respond as grpc.UntypedHandleCall;
  }
  server.addService(service, calls);
  server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) => {
    if (error) throw error;
    process.stdout.write(`${port}\n`);
  });
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent) process.exit(1);
  }, 500);
}

function failureOf(error: Error): Partial<grpc.StatusObject> {
  const metadata = new grpc.Metadata();
  if (error instanceof PluginFailure) metadata.set('grpc-status-details-bin', error.details);
  return { code: grpc.status.UNKNOWN, details: error.message, metadata };
}
