import { fileURLToPath } from 'node:url';

/*
 * Where the programs are that tests and tools start as processes. Nobody outside an app imports
 * what is in it; here its entry points have names.
 */

export const workspace = fileURLToPath(new URL('../../..', import.meta.url)).replace(/\/$/, '');
/** An X client with known content: `nx run harness:programs`. */
export const xprobe = `${workspace}/libs/harness/dist/xprobe`;
/** Hands at an X server's keyboard and mouse: `nx run harness:programs`. */
export const xhands = `${workspace}/libs/harness/dist/xhands`;
export const signalingMain = `${workspace}/apps/signaling/src/main.ts`;
/** As `npm run build` leaves it. */
export const builtSignalingMain = `${workspace}/apps/signaling/dist/main.js`;
export const mintTokenMain = `${workspace}/apps/signaling/src/mint-token.ts`;
/** Prints what the service makes of an environment. */
export const printConfigMain = `${workspace}/apps/signaling/src/testing/print-config.ts`;
/** Measures what rooms cost Redis. */
export const redisCostsMain = `${workspace}/apps/signaling/tests/costs/redis-costs.ts`;
export const hostAgentMain = `${workspace}/apps/host-agent/src/main.ts`;
export const webClientDist = `${workspace}/apps/web-client/dist`;
export const startScript = `${workspace}/tools/setup/start.mjs`;
