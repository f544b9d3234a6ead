import type { ArrivalReport, Burst } from '@peerdeck/native-capture';

export interface SentPacket {
  readonly sequence: number;
  readonly sentMs: number;
  readonly bytes: number;
  readonly frame: number;
}

/** Packets sent within so long of each other are one burst. */
const BURST_MS = 3;
/** What Chromium sends: arrivals in units of a quarter of a millisecond, about 15 reports a second. */
const TICK_MS = 0.25;
const REPORT_MS = 66;
/** Its clock has another zero. */
const CLOCK_OFFSET_MS = 123_456;

/** The receiver's end of transport-wide feedback, and what the host's native library makes of it. */
export class SimulatedReceiver {
  readonly #arrived = new Map<number, number>();
  #told = -1;
  #newest = -1;
  #nextReport = REPORT_MS;
  #ackedBytes = 0;
  #received = 0;
  #lost = 0;

  arrive(packet: SentPacket, at: number): void {
    this.#arrived.set(packet.sequence, Math.round(at / TICK_MS) * TICK_MS + CLOCK_OFFSET_MS);
    this.#newest = Math.max(this.#newest, packet.sequence);
  }

  has(sequence: number): boolean {
    return this.#arrived.has(sequence);
  }

  /** The report that leaves the receiver now, if one does; it says nothing of what came later. */
  report(now: number, sent: ReadonlyMap<number, SentPacket>): SentPacket[] | undefined {
    if (now < this.#nextReport || this.#newest <= this.#told) return undefined;
    this.#nextReport = now + REPORT_MS;
    const told: SentPacket[] = [];
    for (let sequence = this.#told + 1; sequence <= this.#newest; sequence += 1) {
      const packet = sent.get(sequence);
      if (packet !== undefined) told.push(packet);
    }
    this.#told = this.#newest;
    return told;
  }

  /** How the host sees that report when it has come back. */
  seen(
    told: readonly SentPacket[],
    at: number,
    sender: { readonly sentBytes: number; readonly inFlightBytes: number },
  ): ArrivalReport {
    const bursts: Burst[] = [];
    let group: SentPacket[] = [];
    for (const packet of told) {
      const first = group[0];
      if (first !== undefined && packet.sentMs - first.sentMs >= BURST_MS) {
        bursts.push(this.#burst(group));
        group = [];
      }
      group.push(packet);
    }
    if (group.length > 0) bursts.push(this.#burst(group));
    return {
      atMs: at,
      bursts,
      ...sender,
      ackedBytes: this.#ackedBytes,
      receivedPackets: this.#received,
      lostPackets: this.#lost,
    };
  }

  #burst(packets: readonly SentPacket[]): Burst {
    const arrived = packets.filter((packet) => this.#arrived.has(packet.sequence));
    const at = (packet: SentPacket) => this.#arrived.get(packet.sequence) ?? 0;
    const [first] = arrived;
    const last = arrived.at(-1);
    const bytes = arrived.reduce((sum, packet) => sum + packet.bytes, 0);
    const lost = packets.length - arrived.length;
    this.#ackedBytes += bytes;
    this.#received += arrived.length;
    this.#lost += lost;
    const sentMs = (first ?? packets[0])?.sentMs ?? 0;
    const counts = { bytes, tailBytes: bytes - (first?.bytes ?? 0), packets: arrived.length, lost };
    if (first === undefined || last === undefined) {
      const none = { sentSpanMs: null, arrivalMs: null, arrivalSpanMs: null, delayMs: null };
      return { sentMs, ...none, ...counts };
    }
    return {
      sentMs,
      sentSpanMs: last.sentMs - first.sentMs,
      arrivalMs: at(first),
      arrivalSpanMs: at(last) - at(first),
      delayMs: Math.min(...arrived.map((packet) => at(packet) - packet.sentMs)),
      ...counts,
    };
  }
}
