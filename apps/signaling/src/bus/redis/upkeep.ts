import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { Lease } from './lease.ts';
import { RedisUnavailable, type Link } from './link.ts';
import type { RedisMetrics } from './metrics.ts';
import type { Mirrors } from './mirrors.ts';
import type { Reaper } from './reaper.ts';
import type { Reconciler } from './reconciler.ts';
import type { Standing } from './standing.ts';
import type { Store } from './store.ts';

export interface UpkeepOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly link: Link;
  readonly store: Store;
  readonly lease: Lease;
  readonly mirrors: Mirrors;
  readonly reconciler: Reconciler;
  readonly reaper: Reaper;
  readonly standing: Standing;
  readonly metrics: () => RedisMetrics;
  readonly leaseMs: number;
}

/** Until Redis is asked again that did not answer. */
const RETRY_MS = 20;

/** The heartbeat of the bus: lease, channel, rooms that do not agree, dead nodes. */
export class Upkeep {
  readonly #options: UpkeepOptions;
  #cancelTick: (() => void) | undefined;
  #ticking = false;
  #again = false;
  #whenReady: (() => void)[] = [];

  constructor(options: UpkeepOptions) {
    this.#options = options;
  }

  /** Resolves when joins can be answered, or after that long. */
  async ready(timeoutMs: number): Promise<void> {
    const { standing, clock } = this.#options;
    if (standing.health.ready) return;
    await new Promise<void>((resolve) => {
      const cancel = clock.after(timeoutMs, resolve);
      this.#whenReady.push(() => {
        cancel();
        resolve();
      });
    });
  }

  /** The next round at once, or right after the one that runs. */
  wake(): void {
    if (this.#options.standing.closed) return;
    if (this.#ticking) {
      this.#again = true;
      return;
    }
    this.#cancelTick?.();
    void this.#tick();
  }

  /** Many rooms take longer than a lease. */
  async stayAlive(): Promise<void> {
    if (this.#options.lease.due) await this.#renew();
  }

  stop(): void {
    this.#cancelTick?.();
  }

  /** Whoever waits need not any more. */
  close(): void {
    this.stop();
    for (const resolve of this.#whenReady.splice(0)) resolve();
  }

  async #tick(): Promise<void> {
    const { standing, clock, leaseMs, link } = this.#options;
    this.#ticking = true;
    this.#again = false;
    let unanswered = false;
    try {
      await this.#maintain();
    } catch (error) {
      unanswered = error instanceof RedisUnavailable;
      standing.failed(error);
    }
    this.#ticking = false;
    if (standing.closed) return;
    if (standing.health.ready) for (const resolve of this.#whenReady.splice(0)) resolve();
    if (this.#again) {
      void this.#tick();
      return;
    }
    const { closed, retryAfterMs } = link.breaker;
    // Once it does not answer, that is to be certain long before the lease ends.
    const wait = closed && !unanswered ? leaseMs / 4 : Math.max(retryAfterMs, RETRY_MS);
    this.#cancelTick = clock.after(wait, () => {
      void this.#tick();
    });
  }

  async #maintain(): Promise<void> {
    const { leaseMs, metrics, store, lease, reconciler, link, reaper } = this.#options;
    await this.#renew();
    await store.announce(leaseMs);
    if (lease.fenced) {
      const { losses } = lease;
      await reconciler.syncEvery();
      lease.asserted(losses);
      metrics().happened('reasserted');
    }
    link.beat();
    await reconciler.syncDue();
    await reaper.sweep();
  }

  async #renew(): Promise<void> {
    const { lease, metrics, log, mirrors } = this.#options;
    if (!(await lease.renew())) return;
    metrics().happened('lease-lost');
    log.warn({ rooms: mirrors.size }, 'lost the lease in Redis: asserting all rooms');
    this.#again = true;
  }
}
