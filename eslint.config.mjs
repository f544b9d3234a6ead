import nx from '@nx/eslint-plugin';
import prettier from 'eslint-config-prettier';
import tseslint from 'typescript-eslint';

// The arrows of docs/architecture.md: apps import libs, never each other; protocol imports
// nothing of ours; only native-capture touches koffi; the web client sees only protocol.
const boundaries = [
  { sourceTag: 'type:app', onlyDependOnLibsWithTags: ['type:lib', 'type:native'] },
  { sourceTag: 'type:e2e', onlyDependOnLibsWithTags: ['type:lib', 'type:native', 'type:app'] },
  { sourceTag: 'scope:protocol', onlyDependOnLibsWithTags: [] },
  { sourceTag: 'scope:native-capture', onlyDependOnLibsWithTags: ['type:native'] },
  { sourceTag: 'scope:web-client', onlyDependOnLibsWithTags: ['scope:protocol'] },
  { sourceTag: 'scope:signaling', onlyDependOnLibsWithTags: ['scope:protocol'] },
];

export default tseslint.config(
  { ignores: ['**/dist/**', '**/build/**', '**/out/**', '**/node_modules/**', '**/.nx/**'] },
  ...nx.configs['flat/base'],
  ...tseslint.configs.strict,
  {
    files: ['**/*.ts', '**/*.mts'],
    rules: {
      '@nx/enforce-module-boundaries': [
        'error',
        { allow: [], depConstraints: boundaries, enforceBuildableLibDependency: false },
      ],
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
  // Tools start apps and use their test harnesses; nothing imports a tool.
  { files: ['tools/**/*.ts'], rules: { '@nx/enforce-module-boundaries': 'off' } },
  { files: ['libs/native-capture/**/*.ts'], rules: { 'no-restricted-imports': 'off' } },
  prettier,
);
