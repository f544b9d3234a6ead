import nx from '@nx/eslint-plugin';
import prettier from 'eslint-config-prettier';
import tseslint from 'typescript-eslint';

// The arrows of docs/architecture.md: apps import libs, never each other; libs never an app; protocol
// imports nothing of ours; only native-capture touches koffi; the web client sees only protocol.
// Nobody imports a tool but a tool. Only tests and tools may use libs/harness.
const arrows = {
  'type:app': ['type:lib', 'type:native'],
  'type:lib': ['type:lib', 'type:native'],
  'type:native': ['type:native'],
  'type:test': ['type:lib', 'type:test'],
  'type:tool': ['type:lib', 'type:test', 'type:tool'],
  'type:e2e': ['type:lib', 'type:native', 'type:test', 'type:app'],
  'scope:protocol': [],
  'scope:native-capture': ['type:native'],
  'scope:web-client': ['scope:protocol'],
  'scope:signaling': ['scope:protocol'],
};
const testFiles = ['**/*.spec.ts', '**/testing/**/*.ts', '**/tests/**/*.ts'];

/** `more`: tags that every project may use on top. */
function boundaries(...more) {
  const depConstraints = Object.entries(arrows).map(([sourceTag, tags]) => ({
    sourceTag,
    onlyDependOnLibsWithTags: [...tags, ...more],
  }));
  const options = { allow: [], depConstraints, enforceBuildableLibDependency: false };
  return { '@nx/enforce-module-boundaries': ['error', options] };
}

export default tseslint.config(
  { ignores: ['**/dist/**', '**/build/**', '**/out/**', '**/node_modules/**', '**/.nx/**'] },
  ...nx.configs['flat/base'],
  ...tseslint.configs.strict,
  {
    files: ['**/*.ts', '**/*.mts'],
    rules: {
      ...boundaries(),
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      '@typescript-eslint/no-empty-function': 'off',
      '@typescript-eslint/no-extraneous-class': 'off',
      '@typescript-eslint/no-invalid-void-type': 'off',
      'no-restricted-imports': [
        'error',
        { paths: [{ name: 'koffi', message: 'Only libs/native-capture talks to native code.' }] },
      ],
    },
  },
  { files: testFiles, rules: boundaries('type:test') },
  { files: ['libs/native-capture/**/*.ts'], rules: { 'no-restricted-imports': 'off' } },
  prettier,
);
