import preset from '../../jest.preset.mjs';

export default {
  ...preset,
  displayName: 'signaling',
  testMatch: ['<rootDir>/src/**/*.spec.ts', '<rootDir>/tests/**/*.spec.ts'],
};
