import type { BitrateController, BitrateDecision } from '../bitrate-controller.ts';
import { SimulatedLink, seeded, type LinkState } from './simulated-link.ts';
import { SimulatedReceiver, type SentPacket } from './simulated-receiver.ts';

const PACKET_BYTES = 1200;
const TICK_MS = 100;
/** An engine's send queue over which the encoder leaves frames out. */
const CONGESTED_MS = 50;
const PROBE_AFTER_MS = 100;
const PROBE_EVERY_MS = 50;
const OUTAGE_MS = 300;

/** What there is to be encoded: bits a second that it takes at most, and how even its frames are. */
export interface Content {
  readonly mostBps: number;
  /** Standard deviation of a frame's size, as a share. */
  readonly spread: number;
}
export const FILLS_THE_LINK: Content = { mostBps: 1e9, spread: 0.2 };

interface Frame {
  readonly at: number;
  left: number;
  arrivedAt: number;
}

/**
 * Encoder, pacer, link and receiver as the controller meets them, packet by packet, in steps of
 * 1 ms. Feedback is as honest as Chromium's: late, in units, with the jitter of the path, and
 * missing in an outage.
 */
export class SimulatedPath {
  readonly link: SimulatedLink;
  readonly controller: BitrateController;
  decision: BitrateDecision;
  content: Content = FILLS_THE_LINK;
  now = 0;
  /** Frames that are whole, by the time that they were. */
  readonly shown: { readonly at: number; readonly latencyMs: number }[] = [];
  readonly decisions: { readonly at: number; readonly decision: BitrateDecision }[] = [];
  keyframes = 0;
  readonly #random: () => number;
  readonly #receiver = new SimulatedReceiver();
  readonly #sent = new Map<number, SentPacket>();
  readonly #onTheWay: { at: number; packet: SentPacket }[] = [];
  readonly #reports: { at: number; told: SentPacket[] }[] = [];
  readonly #queue: { bytes: number; frame: number }[] = [];
  readonly #frames = new Map<number, Frame>();
  #sequence = 0;
  #told = -1;
  #inFlight = 0;
  #sentBytes = 0;
  #credit = 0;
  #frame = 0;
  #nextFrame = 0;
  #nextTick = TICK_MS;
  #heardAt = 0;
  #probedAt = 0;
  #shownFrame = -1;

  /** `link`: one that another path uses as well. */
  constructor(
    controller: BitrateController,
    { seed = 1, link }: { seed?: number; link?: SimulatedLink } = {},
  ) {
    this.controller = controller;
    this.#random = seeded(seed);
    this.link = link ?? new SimulatedLink(seeded(seed + 1));
    this.decision = controller.tick(0);
  }

  run(ms: number, change: Partial<LinkState> = {}): void {
    this.link.change(change);
    for (const end = this.now + ms; this.now < end;) this.step();
  }

  /** One millisecond. */
  step(): void {
    this.#step();
    this.now += 1;
  }

  #step(): void {
    this.#arrivals();
    this.#feedback();
    if (this.now >= this.#nextTick) {
      this.#nextTick = this.now + TICK_MS;
      this.#decide(this.controller.tick(this.now));
    }
    if (this.now >= this.#nextFrame) this.#encode();
    this.#pace();
  }

  #encode(): void {
    const { bitrateBps, fps } = this.decision;
    // Two of exactly the same rate would keep their places in time for ever: an accident.
    this.#nextFrame = this.now + (1000 / fps) * (0.9 + 0.2 * this.#random());
    const queued = this.#queue.reduce((sum, packet) => sum + packet.bytes, 0);
    const { bitsPerSecond: bps, gain } = this.decision.pace;
    if ((queued * 8000) / (bps * gain) > CONGESTED_MS || (queued > 0 && this.#isShut())) return;
    const noise =
      1 + this.content.spread * (this.#random() + this.#random() + this.#random() - 1.5) * 2;
    let bytes = (Math.min(bitrateBps, this.content.mostBps) / 8 / fps) * Math.max(noise, 0.2);
    const frame = (this.#frame += 1);
    this.#frames.set(frame, { at: this.now, left: Math.ceil(bytes / PACKET_BYTES), arrivedAt: 0 });
    for (; bytes > 0; bytes -= PACKET_BYTES) {
      this.#queue.push({ bytes: Math.min(bytes, PACKET_BYTES), frame });
    }
  }

  #isShut(): boolean {
    const { windowBytes } = this.decision.pace;
    return this.#inFlight > 0 && this.#inFlight + PACKET_BYTES > windowBytes;
  }

  #pace(): void {
    const { bitsPerSecond: bps, gain } = this.decision.pace;
    const burst = Math.max(gain > 1 ? 15_000 : 3000, (bps / 8000) * (gain > 1 ? 40 : 20));
    this.#credit = Math.min(burst, this.#credit + (bps * gain) / 8000);
    while (this.#queue.length > 0 && this.#credit > 0) {
      if (this.#isShut() && !this.#mayProbe()) return;
      const { bytes, frame } = this.#queue.shift() ?? { bytes: 0, frame: 0 };
      this.#credit -= bytes;
      this.#send(bytes, frame);
    }
  }

  #mayProbe(): boolean {
    const quiet = this.now - this.#heardAt > PROBE_AFTER_MS;
    if (!quiet || this.now - this.#probedAt < PROBE_EVERY_MS) return false;
    this.#probedAt = this.now;
    return true;
  }

  #send(bytes: number, frame: number): void {
    const packet = { sequence: this.#sequence, sentMs: this.now, bytes, frame };
    this.#sequence += 1;
    this.#sent.set(packet.sequence, packet);
    this.#inFlight += bytes;
    this.#sentBytes += bytes;
    this.link.send(this.now, bytes, (at) => this.#onTheWay.push({ at, packet }));
  }

  #arrivals(): void {
    this.link.step(this.now);
    this.#onTheWay.sort((a, b) => a.at - b.at);
    while ((this.#onTheWay[0]?.at ?? Infinity) <= this.now) {
      const { at, packet } = this.#onTheWay.shift() ?? { at: 0, packet: undefined };
      if (packet === undefined) return;
      this.#receiver.arrive(packet, at);
      this.#complete(packet.frame, at);
    }
    const told = this.#receiver.report(this.now, this.#sent);
    if (told === undefined || this.link.state.down) return;
    this.#reports.push({ at: this.now + this.link.state.oneWayMs, told });
    this.#repair(told);
  }

  /** Retransmission: what a report knows as lost leaves again. */
  #repair(told: readonly SentPacket[]): void {
    for (const packet of told) {
      if (this.#frames.has(packet.frame) && !this.#receiver.has(packet.sequence)) {
        this.#queue.unshift({ bytes: packet.bytes, frame: packet.frame });
      }
    }
  }

  #complete(frame: number, at: number): void {
    const entry = this.#frames.get(frame);
    if (entry === undefined) return;
    entry.left -= 1;
    if (entry.left > 0) return;
    entry.arrivedAt = at;
    this.#frames.delete(frame);
    if (frame <= this.#shownFrame) return;
    this.#shownFrame = frame;
    this.shown.push({ at, latencyMs: at - entry.at });
  }

  #feedback(): void {
    while ((this.#reports[0]?.at ?? Infinity) <= this.now) {
      const report = this.#reports.shift();
      if (report === undefined) return;
      if (this.now - this.#heardAt > OUTAGE_MS) this.#dropStale();
      this.#heardAt = this.now;
      for (const packet of report.told) this.#told = Math.max(this.#told, packet.sequence);
      this.#inFlight = 0;
      for (let sequence = this.#told + 1; sequence < this.#sequence; sequence += 1) {
        this.#inFlight += this.#sent.get(sequence)?.bytes ?? 0;
      }
      const sender = { sentBytes: this.#sentBytes, inFlightBytes: this.#inFlight };
      const seen = this.#receiver.seen(report.told, this.now, sender);
      for (const packet of report.told) this.#sent.delete(packet.sequence);
      this.#decide(this.controller.report(seen, this.now));
    }
  }

  /** What waited through an outage is of no use; the next picture is a keyframe. */
  #dropStale(): void {
    this.#queue.length = 0;
    this.#frames.clear();
    this.#nextFrame = this.now;
  }

  #decide(decision: BitrateDecision): void {
    this.decision = decision;
    if (decision.wantsKeyframe) this.keyframes += 1;
    this.decisions.push({ at: this.now, decision });
  }
}

/** Of the waits in the bottleneck's queue between two times, ms. */
export function queue(path: SimulatedPath, from: number, to: number, share: number): number {
  const waits = path.link.waits.filter(({ at }) => at >= from && at < to).map(({ ms }) => ms);
  return quantile(waits, share);
}

/** Longest time between two new pictures. */
export function longestGap(path: SimulatedPath, from: number, to: number): number {
  const times = path.shown.map(({ at }) => at).filter((at) => at >= from && at < to);
  return Math.max(...[...times, to].map((at, index) => at - (times[index - 1] ?? from)));
}

export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
}

/** Mean of the rate decided between two times, bit/s. */
export function meanRate(path: SimulatedPath, from: number, to: number): number {
  const within = path.decisions.filter(({ at }) => at >= from && at < to);
  return within.reduce((sum, { decision }) => sum + decision.bitrateBps, 0) / within.length;
}
