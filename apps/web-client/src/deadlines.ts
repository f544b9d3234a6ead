/** How long each step of an attempt may take. */
export const DEADLINES_MS = {
  answer: 10_000,
  path: 15_000,
  proof: 8_000,
  restart: 6_000,
} as const;
/** The host pings ten times a second; after this silence the path counts as lost. */
export const SILENCE_MS = 4_000;
/** The same when something else says already that the host is in trouble. */
export const SUSPICIOUS_SILENCE_MS = 1_500;
/** How often a host that is gone is looked for, though its return is announced. */
export const PROBE_MS = 15_000;
/** How often the last sign of life is compared with the clock. */
export const WATCH_MS = 500;
/** Failures to find a path before a first connection that end the trying. */
export const MAX_FIRST_PATHS = 2;
