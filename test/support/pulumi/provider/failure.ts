import provider from '@pulumi/pulumi/proto/provider_pb.js';
import status from '@pulumi/pulumi/proto/status_pb.js';
import any from 'google-protobuf/google/protobuf/any_pb.js';
import struct from 'google-protobuf/google/protobuf/struct_pb.js';
import { PluginFailure } from '../plugin.ts';
import type { Loose } from './object.ts';

/** An object that was made and never got ready: the engine keeps it in the state, with the reason. */
export function neverReady(id: string, outputs: Loose, inputs: Loose, reason: string): PluginFailure {
  const detail = new provider.ErrorResourceInitFailed();
  detail
    .setId(id)
    .setProperties(struct.Struct.fromJavaScript(outputs))
    .setInputs(struct.Struct.fromJavaScript(inputs));
  detail.setReasonsList([reason]);
  const packed = new any.Any();
  packed.pack(detail.serializeBinary(), 'pulumirpc.ErrorResourceInitFailed');
  const message = `resource ${id} was created, but is not ready: ${reason}`;
  const whole = new status.Status().setCode(2).setMessage(message).setDetailsList([packed]);
  return new PluginFailure(message, Buffer.from(whole.serializeBinary()));
}
