// Stands in for pulumi-language-nodejs, which comes with the ordinary installation of Pulumi and cannot be had from npm: starts the program
// with the SDK's own runner, @pulumi/pulumi/cmd/run, as the real one does.
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import type { LanguageHandshakeRequest, RunRequest } from '@pulumi/pulumi/proto/language_pb.js';
import language from '@pulumi/pulumi/proto/language_pb.js';
import services from '@pulumi/pulumi/proto/language_grpc_pb.js';
import plugins from '@pulumi/pulumi/proto/plugin_pb.js';
import empty from 'google-protobuf/google/protobuf/empty_pb.js';
import { servePlugin } from './plugin.ts';

/** Its last argument is the engine's address; a handshake may tell it anew. */
let engine = process.argv.at(-1) ?? '';
const runner = createRequire(import.meta.url).resolve('@pulumi/pulumi/cmd/run');

function run(request: RunRequest): Promise<InstanceType<typeof language.RunResponse>> {
  const info = request.getInfo()!;
  const { nodeargs = '' } = (info.getOptions()?.toJavaScript() ?? {}) as { nodeargs?: string };
  const flags = {
    monitor: request.getMonitorAddress(),
    engine,
    project: request.getProject(),
    stack: request.getStack(),
    organization: request.getOrganization(),
    pwd: info.getProgramDirectory(),
    parallel: String(request.getParallel()),
    'root-directory': info.getRootDirectory(),
  };
  const args = [
    ...nodeargs.split(' ').filter(Boolean),
    runner,
    ...Object.entries(flags).flatMap(([name, value]) => (value ? [`--${name}`, value] : [])),
    ...(request.getDryrun() ? ['--dry-run'] : []),
    // "." leaves it to package.json, of the folder that is `pwd`.
    info.getEntryPoint(),
    ...request.getArgsList(),
  ];
  const env = {
    ...process.env,
    PULUMI_CONFIG: JSON.stringify(Object.fromEntries(request.getConfigMap().entries() as never)),
    PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(request.getConfigsecretkeysList()),
  };
  return new Promise((ended, failed) => {
    const command = ['--pdeathsig', 'KILL', '--', process.execPath, ...args];
    const program = spawn('setpriv', command, { cwd: request.getPwd(), env, stdio: ['ignore', 1, 2] });
    program.once('error', failed);
    program.once('exit', (code, signal) => {
      const response = new language.RunResponse();
      // The runner has told the user already what went wrong when it ends with 32.
      if (code === 32) response.setBail(true);
      else if (code !== 0) response.setError(`the program ended with ${code ?? signal}`);
      ended(response);
    });
  });
}

servePlugin(services.LanguageRuntimeService as never, {
  handshake: (request: LanguageHandshakeRequest) => {
    engine = request.getEngineAddress();
    return new language.LanguageHandshakeResponse();
  },
  getPluginInfo: () => new plugins.PluginInfo().setVersion('1.0.0'),
  getRequiredPackages: () => new language.GetRequiredPackagesResponse(),
  about: () => new language.AboutResponse().setExecutable(process.execPath).setVersion(process.version),
  getProgramDependencies: () => new language.GetProgramDependenciesResponse(),
  cancel: () => new empty.Empty(),
  run,
});
