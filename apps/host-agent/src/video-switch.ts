import type { ViewerBudget } from './viewer-budget.ts';

/**
 * Video to one viewer, on or off as its page is seen or hidden. Each time that it comes back, the
 * encoder makes a picture anew, for which all viewers pay: over its budget a viewer waits for the
 * next one that it may have. To hide costs nothing. Pure.
 */
export class VideoSwitch {
  readonly #budget: ViewerBudget;
  readonly #set: (on: boolean) => void;
  #wanted = true;
  #on = true;

  constructor(budget: ViewerBudget, set: (on: boolean) => void) {
    this.#budget = budget;
    this.#set = set;
  }

  /** False: it has to wait, because it wished for this too often. */
  want(on: boolean, now: number): boolean {
    this.#wanted = on;
    if (on === this.#on) return true;
    if (on && !this.#budget.take('keyframe', now)) return false;
    this.#turn();
    return true;
  }

  /** Ten times a second: what had to wait. */
  tick(now: number): void {
    if (this.#wanted && !this.#on && this.#budget.afford('keyframe', now)) this.#turn();
  }

  #turn(): void {
    this.#on = this.#wanted;
    this.#set(this.#on);
  }
}
