import type { Timers } from '@peerdeck/protocol';
import { Alarm } from './alarm.ts';
import { SILENCE_MS, SUSPICIOUS_SILENCE_MS, WATCH_MS } from './deadlines.ts';

export interface HostPulseOptions {
  readonly timers: Timers;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** When the host was heard last; undefined: there is nobody to hear. */
  readonly heardAt: () => number | undefined;
  /** Time to look. */
  readonly onLook: () => void;
}

/** Whether the host is still heard: it pings ten times a second. */
export class HostPulse {
  /** Something else says already that the host is in trouble. */
  suspicious = false;
  readonly #options: HostPulseOptions;
  readonly #alarm: Alarm;

  constructor(options: HostPulseOptions) {
    this.#options = options;
    this.#alarm = new Alarm(options);
  }

  get isSilent(): boolean {
    const limit = this.suspicious ? SUSPICIOUS_SILENCE_MS : SILENCE_MS;
    return this.#options.now() - (this.#options.heardAt() ?? 0) > limit;
  }

  watch(): void {
    this.#schedule(false);
  }

  stop(): void {
    this.#alarm.off();
  }

  #schedule(afterSleep: boolean): void {
    const { now, heardAt, onLook } = this.#options;
    const due = now() + WATCH_MS;
    this.#alarm.in(WATCH_MS, () => {
      // After a sleep of this machine the host's messages wait behind this timer: they come first.
      if (!afterSleep && now() - due > SUSPICIOUS_SILENCE_MS) {
        this.#schedule(true);
        return;
      }
      onLook();
      if (heardAt() !== undefined) this.#schedule(false);
    });
  }
}
