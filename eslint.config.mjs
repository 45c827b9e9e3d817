import vitest from '@vitest/eslint-plugin';
import tseslint from 'typescript-eslint';

/** The house's boundaries (see CONTRIBUTING.md): who may import what, each with what to do instead. */
const forbid = (...patterns) => ({ 'no-restricted-imports': ['error', { patterns }] });

const onlyInCli = {
  group: ['commander', 'chalk', 'ora'],
  message: 'the engine never prints, prompts or parses argv: report through Host, and let cli/ render it',
};
const onlyInInfra = {
  group: ['@pulumi/*'],
  message: 'Pulumi lives under infra/ only: put what both need into @aa-ops/topology',
};
const natsOnlyInJetstream = {
  group: ['nats', 'nkeys.js', 'jsonc-parser'],
  message: 'topology/src/jetstream is the one import of the client: add what you need there and import that',
};
const noDeepTopology = {
  group: ['@aa-ops/topology/*', '**/topology/src/**'],
  message: "import from '@aa-ops/topology': export what you need from topology/src/index.ts",
};
const runtimeStandsAlone = {
  group: ['@aa-ops/topology', '@aa-ops/topology/*', '**/topology/src/**', '**/cli/src/**', '**/infra/**'],
  message: 'consumers-runtime stands alone (it is what the pods run): write the little it needs there',
};
const noCli = {
  group: ['**/cli/src/**'],
  message: 'the engine knows nothing of its user interface: pass the value or a port in',
};

export default tseslint.config(
  { ignores: ['**/dist/**', '**/node_modules/**', 'coverage/**', 'bench/out/**'] },
  ...tseslint.configs.recommended,
  {
    files: ['**/*.ts'],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      eqeqeq: 'error',
      'no-console': 'error',
    },
  },
  { files: ['topology/src/**/*.ts'], rules: forbid(onlyInCli, onlyInInfra, natsOnlyInJetstream, noCli) },
  { files: ['topology/src/jetstream/**/*.ts'], rules: forbid(onlyInCli, onlyInInfra, noCli) },
  { files: ['cli/src/**/*.ts'], rules: forbid(onlyInInfra, natsOnlyInJetstream, noDeepTopology) },
  { files: ['consumers-runtime/src/**/*.ts'], rules: forbid(onlyInCli, onlyInInfra, runtimeStandsAlone) },
  { files: ['infra/**/*.ts'], rules: forbid(onlyInCli, natsOnlyInJetstream, noDeepTopology, noCli) },
  {
    files: ['test/**/*.ts'],
    plugins: { vitest },
    rules: {
      ...vitest.configs.recommended.rules,
      'vitest/no-focused-tests': 'error',
      'vitest/valid-expect': ['error', { maxArgs: 2 }],
      'vitest/expect-expect': 'off',
    },
  },
  { files: ['test/**/*.ts', 'bench/**/*.ts', 'scripts/**/*'], rules: { 'no-console': 'off' } },
);
