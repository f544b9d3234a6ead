const SPAN_MS = 500;

/** How much is really sent, bit/s of RTP, over the last half second. Pure; times in ms. */
export class Usage {
  #totals: { readonly at: number; readonly bytes: number }[] = [];

  take(sentBytes: number, now: number): void {
    this.#totals.push({ at: now, bytes: sentBytes });
    while ((this.#totals[1]?.at ?? now) < now - SPAN_MS) this.#totals.shift();
  }

  get sentBps(): number | undefined {
    const [first] = this.#totals;
    const last = this.#totals.at(-1);
    if (first === undefined || last === undefined || last.at - first.at < SPAN_MS / 2)
      return undefined;
    return ((last.bytes - first.bytes) * 8000) / (last.at - first.at);
  }
}
