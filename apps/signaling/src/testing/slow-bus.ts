import type { Bus, BusHealth, BusListener, JoinOutcome } from '../bus/bus.ts';
import type { JoinRequest, LeaveReason, Room, RoomMember } from '../rooms/room.ts';

/**
 * A bus whose joins take as long as a test wants, as they do when the rooms are on another
 * machine: the join happens at once, and the answer is held until `release`.
 */
export class SlowBus implements Bus {
  readonly kind = 'slow';
  readonly #inner: Bus;
  #held: (() => void)[] = [];
  holding = true;

  constructor(inner: Bus) {
    this.#inner = inner;
  }

  get nodeId(): string {
    return this.#inner.nodeId;
  }

  get held(): number {
    return this.#held.length;
  }

  release(): void {
    const held = this.#held;
    this.#held = [];
    for (const resolve of held) resolve();
  }

  start(): Promise<void> {
    return this.#inner.start();
  }

  listen(listener: BusListener): void {
    this.#inner.listen(listener);
  }

  admit(room: string, peerId: string): Promise<void> {
    return this.#inner.admit(room, peerId);
  }

  kick(room: string, peerId: string, blockMs: number): Promise<void> {
    return this.#inner.kick(room, peerId, blockMs);
  }

  async join(request: JoinRequest): Promise<JoinOutcome> {
    const outcome = await this.#inner.join(request);
    if (this.holding) await new Promise<void>((resolve) => this.#held.push(resolve));
    return outcome;
  }

  leave(room: string, member: RoomMember, reason: LeaveReason): Promise<void> {
    return this.#inner.leave(room, member, reason);
  }

  detach(room: string, member: RoomMember): Promise<void> {
    return this.#inner.detach(room, member);
  }

  handOver(room: string, member: RoomMember): Promise<void> {
    return this.#inner.handOver(room, member);
  }

  room(room: string): Room | undefined {
    return this.#inner.room(room);
  }

  send(to: RoomMember, frame: string): boolean {
    return this.#inner.send(to, frame);
  }

  health(): BusHealth {
    return this.#inner.health();
  }

  counts() {
    return this.#inner.counts();
  }

  close(): Promise<void> {
    return this.#inner.close();
  }
}
