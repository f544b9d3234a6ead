import { join } from 'node:path';
import { defaultClientConditions, defineConfig, type Plugin } from 'vite';
import { firstLoadSizes, totalOf } from './vite/compressed-size.ts';

const kilobytes = (bytes: number) => `${(bytes / 1000).toFixed(1)} kB`;

function printFirstLoad(): Plugin {
  return {
    name: 'peerdeck:first-load',
    apply: 'build',
    closeBundle() {
      const sizes = firstLoadSizes(join(import.meta.dirname, 'dist'));
      const gzip = kilobytes(totalOf(sizes, 'gzip'));
      const brotli = kilobytes(totalOf(sizes, 'brotli'));
      this.info(`first load: ${gzip} gzip, ${brotli} brotli (limit 150 kB)`);
    },
  };
}

export default defineConfig({
  // The page works from any folder of any server.
  base: './',
  resolve: { conditions: ['@peerdeck/source', ...defaultClientConditions] },
  build: {
    target: 'es2023',
    // A page under a strict content security policy has no inline module preload helper.
    modulePreload: { polyfill: false },
    // data: URLs would need an exception in the policy.
    assetsInlineLimit: 0,
    sourcemap: false,
    reportCompressedSize: false,
  },
  server: { host: '127.0.0.1', strictPort: true },
  plugins: [printFirstLoad()],
});
