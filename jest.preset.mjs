/**
 * The jest settings every project shares. TypeScript is stripped by swc; packages of this
 * workspace resolve to their sources through the `@peerdeck/source` export condition.
 * (Never add "import" to the conditions: jest would load ESM builds as CommonJS.)
 */
export default {
  testEnvironment: 'node',
  testEnvironmentOptions: {
    customExportConditions: ['@peerdeck/source', 'require', 'node', 'default'],
  },
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { parser: { syntax: 'typescript' }, target: 'es2024' }, module: { type: 'es6' } },
    ],
  },
  testMatch: ['<rootDir>/src/**/*.spec.ts'],
  testTimeout: 20_000,
};
