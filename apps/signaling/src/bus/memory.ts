import type { Clock } from '../base/clock.ts';
import { RoomRegistry, type RegistryCounts, type RegistryOptions } from '../rooms/room-registry.ts';
import type { JoinRequest, LeaveReason, Room, RoomMember } from '../rooms/room.ts';
import type { Bus, BusHealth, BusListener, JoinOutcome, RoomEvent } from './bus.ts';

export interface MemoryBusOptions extends RegistryOptions {
  readonly nodeId: string;
  readonly clock: Clock;
}

/** The bus of a single node: its rooms are in this process and end with it. */
export class MemoryBus implements Bus {
  readonly kind = 'memory';
  readonly nodeId: string;
  readonly #registry: RoomRegistry;
  readonly #clock: Clock;
  readonly #detachMs: number;
  #listener: BusListener | undefined;
  #cancelTimer: (() => void) | undefined;
  #timerAt = Number.POSITIVE_INFINITY;
  #closed = false;

  constructor(options: MemoryBusOptions) {
    this.nodeId = options.nodeId;
    this.#registry = new RoomRegistry(options);
    this.#clock = options.clock;
    this.#detachMs = options.detachMs;
  }

  start(): Promise<void> {
    return Promise.resolve();
  }

  listen(listener: BusListener): void {
    this.#listener = listener;
  }

  join(request: JoinRequest): Promise<JoinOutcome> {
    if (this.#closed) return Promise.resolve({ ok: false, code: 'unavailable' });
    const decision = this.#registry.join(request);
    const room = this.#registry.get(request.room);
    if (!decision.ok || room === undefined) {
      return Promise.resolve(decision.ok ? { ok: false, code: 'unavailable' } : decision);
    }
    const { member, resumed, replaced } = decision;
    if (replaced !== undefined) {
      if (replaced.state === 'connected') this.#listener?.replaced(replaced.connectionId);
      if (!resumed)
        this.#tell(room, { type: 'left', member: replaced, reason: 'replaced' }, member);
    }
    this.#tell(room, { type: resumed ? 'resumed' : 'joined', member }, member);
    return Promise.resolve({ ok: true, member, resumed, members: [...room.members.values()] });
  }

  leave(roomId: string, member: RoomMember, reason: LeaveReason): Promise<void> {
    const { peerId, connectionId } = member;
    const room = this.#registry.get(roomId);
    const left = this.#registry.leave(roomId, peerId, connectionId, this.#clock.now());
    if (room !== undefined && left !== undefined) {
      this.#tell(room, { type: 'left', member: left, reason }, left);
    }
    this.#schedule();
    return Promise.resolve();
  }

  detach(roomId: string, member: RoomMember): Promise<void> {
    if (this.#detachMs === 0) return this.leave(roomId, member, 'lost');
    const { peerId, connectionId } = member;
    const room = this.#registry.get(roomId);
    const detached = this.#registry.detach(roomId, peerId, connectionId, this.#clock.now());
    if (room !== undefined && detached !== undefined) {
      const graceMs = this.#detachMs;
      this.#tell(room, { type: 'detached', member: detached, graceMs }, detached);
    }
    this.#schedule();
    return Promise.resolve();
  }

  /** The rooms end with the node. */
  handOver(): Promise<void> {
    return Promise.resolve();
  }

  room(roomId: string): Room | undefined {
    return this.#registry.get(roomId);
  }

  send(to: RoomMember, frame: string): boolean {
    return this.#listener?.frame(to.connectionId, frame) ?? true;
  }

  health(): BusHealth {
    return { ready: !this.#closed, detail: this.#closed ? 'closed' : 'ok' };
  }

  counts(): RegistryCounts {
    return this.#registry.counts();
  }

  close(): Promise<void> {
    this.#closed = true;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#listener = undefined;
    return Promise.resolve();
  }

  #tell(room: Room, event: RoomEvent, cause: RoomMember): void {
    for (const member of room.members.values()) {
      if (member.state !== 'connected' || member.peerId === cause.peerId) continue;
      this.#listener?.event(member.connectionId, event);
    }
  }

  /** One timer for all deadlines. One that fires too early (its member came back) re-arms. */
  #schedule(): void {
    const next = this.#registry.nextDeadline();
    if (this.#closed || next === undefined) return;
    if (this.#cancelTimer !== undefined && this.#timerAt <= next) return;
    this.#cancelTimer?.();
    this.#timerAt = next;
    this.#cancelTimer = this.#clock.after(Math.max(0, next - this.#clock.now()), () => {
      this.#cancelTimer = undefined;
      this.#expire();
    });
  }

  #expire(): void {
    for (const { room, member } of this.#registry.expire(this.#clock.now())) {
      this.#tell(room, { type: 'left', member, reason: 'lost' }, member);
    }
    this.#schedule();
  }
}
