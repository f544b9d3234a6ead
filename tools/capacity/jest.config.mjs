import preset from '../../jest.preset.mjs';

export default { ...preset, displayName: 'capacity', testMatch: ['<rootDir>/**/*.spec.ts'] };
