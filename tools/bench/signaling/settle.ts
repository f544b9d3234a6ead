/*
 * Loaded into each server (--import, with --expose-gc): SIGUSR2 collects its garbage, so that what
 * is left is what connections hold, and not what connecting once used.
 */
process.on('SIGUSR2', () => {
  for (let round = 0; round < 4; round++) globalThis.gc?.();
});
