// Stands in for pulumi-resource-kubernetes, which comes with the ordinary installation of Pulumi and cannot be had from npm.
import type * as requests from '@pulumi/pulumi/proto/provider_pb.js';
import messages from '@pulumi/pulumi/proto/provider_pb.js';
import services from '@pulumi/pulumi/proto/provider_grpc_pb.js';
import plugins from '@pulumi/pulumi/proto/plugin_pb.js';
import empty from 'google-protobuf/google/protobuf/empty_pb.js';
import struct from 'google-protobuf/google/protobuf/struct_pb.js';
import { servePlugin } from '../plugin.ts';
import type { ProviderConfig } from './client.ts';
import { KubernetesProvider } from './kubernetesProvider.ts';
import { keysOf, type Loose } from './object.ts';

type Fields = InstanceType<typeof struct.Struct>;
let provider = new KubernetesProvider({});
const objectOf = (it: Fields | undefined): Loose => it?.toJavaScript() ?? {};
const structOf = (object: Loose): Fields => struct.Struct.fromJavaScript(JSON.parse(JSON.stringify(object)));

const { DiffResponse, PropertyDiff } = messages;
const KINDS = { add: 'ADD', delete: 'DELETE', update: 'UPDATE' } as const;

function diff(request: requests.DiffRequest): requests.DiffResponse {
  const result = provider.diff(
    objectOf(request.getOlds()),
    objectOf(request.getOldInputs()),
    objectOf(request.getNews()),
    request.getIgnorechangesList(),
  );
  const response = new DiffResponse();
  response.setChanges(
    result.changes.length > 0 ? DiffResponse.DiffChanges.DIFF_SOME : DiffResponse.DiffChanges.DIFF_NONE,
  );
  response.setReplacesList(result.replaces).setDeletebeforereplace(result.deleteBeforeReplace);
  response.setDiffsList([...new Set(result.changes.map(({ path }) => keysOf(path)[0]!))]);
  response.setHasdetaileddiff(true);
  for (const { path, kind } of result.changes) {
    const name = `${KINDS[kind]}${result.replaces.includes(path) ? '_REPLACE' : ''}` as const;
    response.getDetaileddiffMap().set(path, new PropertyDiff().setKind(PropertyDiff.Kind[name]));
  }
  return response;
}

servePlugin(services.ResourceProviderService as never, {
  handshake: () => new messages.ProviderHandshakeResponse(),
  getPluginInfo: () => new plugins.PluginInfo().setVersion('4.34.2'),
  checkConfig: (request: requests.CheckRequest) => new messages.CheckResponse().setInputs(request.getNews()),
  diffConfig: (request: requests.DiffRequest) => {
    const changed =
      JSON.stringify(objectOf(request.getOldInputs())) !== JSON.stringify(objectOf(request.getNews()));
    const { DIFF_SOME, DIFF_NONE } = DiffResponse.DiffChanges;
    return new DiffResponse().setChanges(changed ? DIFF_SOME : DIFF_NONE);
  },
  configure: (request: requests.ConfigureRequest) => {
    provider = new KubernetesProvider(objectOf(request.getArgs()) as ProviderConfig);
    return new messages.ConfigureResponse().setSupportspreview(true);
  },
  check: (request: requests.CheckRequest) => {
    const { inputs, failures } = provider.check(objectOf(request.getNews()));
    const response = new messages.CheckResponse().setInputs(structOf(inputs));
    return response.setFailuresList(failures.map((it) => new messages.CheckFailure().setReason(it)));
  },
  diff,
  create: async (request: requests.CreateRequest) => {
    const inputs = objectOf(request.getProperties());
    const { id, outputs } = await provider.create(inputs, request.getPreview(), request.getTimeout());
    const response = new messages.CreateResponse().setProperties(structOf(outputs));
    return request.getPreview() ? response : response.setId(id);
  },
  update: async (request: requests.UpdateRequest) => {
    const outputs = await provider.update(
      objectOf(request.getOlds()),
      objectOf(request.getNews()),
      request.getIgnorechangesList(),
      request.getPreview(),
      request.getTimeout(),
    );
    return new messages.UpdateResponse().setProperties(structOf(outputs));
  },
  read: async (request: requests.ReadRequest) => {
    const [olds, oldInputs] = [objectOf(request.getProperties()), objectOf(request.getInputs())];
    const type = request.getUrn().split('::')[2]!.split('$').at(-1)!;
    const found = await provider.read(request.getId(), type, olds, oldInputs);
    if (!found) return new messages.ReadResponse();
    const response = new messages.ReadResponse().setId(request.getId());
    return response.setInputs(structOf(found.inputs)).setProperties(structOf(found.outputs));
  },
  delete: async (request: requests.DeleteRequest) => {
    await provider.delete(objectOf(request.getProperties()), request.getTimeout());
    return new empty.Empty();
  },
  cancel: () => new empty.Empty(),
});
