/** Time as the service sees it, so that tests bring their own. */
export interface Clock {
  /** Milliseconds of a monotonic clock. */
  now(): number;
  /** Milliseconds since 1970 by the calendar, which may jump: for what others date. */
  epoch(): number;
  /** Calls back once after `ms`; the answer cancels it. A pending call keeps no process alive. */
  after(ms: number, callback: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  epoch: () => Date.now(),
  after: (ms, callback) => {
    // Rounded up: a timer that fires a fraction too early would find nothing to do yet.
    const timer = setTimeout(callback, Math.ceil(ms));
    timer.unref();
    return () => {
      clearTimeout(timer);
    };
  },
};
