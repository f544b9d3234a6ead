export interface ReconnectHints {
  /** 0 ≤ value < 1. */
  readonly random: () => number;
  /** What the server asked for. */
  readonly retryAfterMs?: number | undefined;
}

/** Pure: how long to wait before coming back (whether at all: comeback.ts). */
export interface ReconnectPolicy {
  /** `attempt`: 0 after the first loss, back to 0 once joined. Milliseconds, or `'stop'`. */
  next(attempt: number, hints: ReconnectHints): number | 'stop';
}

/**
 * Upper bounds by attempt; the last one stays. The delay is evenly random below the bound (full
 * jitter), so that the clients of a server that fell do not return in step.
 */
export const RECONNECT_DELAYS_MS: readonly number[] = [
  250, 500, 1000, 2000, 4000, 8000, 15_000, 20_000,
];

/** A hint longer than this is cut, so that a wrong one can't send a client away for good. */
export const MAX_RETRY_AFTER_MS = 5 * 60_000;

export function createReconnectPolicy(
  options: { readonly delaysMs?: readonly number[]; readonly maxAttempts?: number } = {},
): ReconnectPolicy {
  const delays = options.delaysMs ?? RECONNECT_DELAYS_MS;
  const maxAttempts = options.maxAttempts ?? Number.POSITIVE_INFINITY;
  const last = delays.at(-1);
  if (last === undefined) throw new RangeError('delaysMs needs one delay at least');
  return {
    next(attempt, { random, retryAfterMs }) {
      if (attempt >= maxAttempts) return 'stop';
      const spread = Math.round(random() * (delays[attempt] ?? last));
      if (retryAfterMs === undefined) return spread;
      return Math.min(Math.max(retryAfterMs, 0), MAX_RETRY_AFTER_MS) + spread;
    },
  };
}
