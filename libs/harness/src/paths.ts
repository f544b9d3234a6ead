import { fileURLToPath } from 'node:url';

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export const workspace = at('../../../..').replace(/\/$/, '');
export const xprobe = at('../../dist/xprobe');
export const signalingMain = `${workspace}/apps/signaling/src/main.ts`;
export const mintTokenMain = `${workspace}/apps/signaling/src/mint-token.ts`;
export const hostAgentMain = `${workspace}/apps/host-agent/src/main.ts`;
export const webClientDist = `${workspace}/apps/web-client/dist`;
export const startScript = `${workspace}/tools/setup/start.mjs`;
