import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { HostBinding, HostBindingsFile } from '../rooms/host-bindings.ts';
import { RoomRegistry, type RegistryCounts, type RegistryOptions } from '../rooms/room-registry.ts';
import type { JoinRequest, LeaveReason, Removal, Room, RoomMember } from '../rooms/room.ts';
import {
  REMOVALS,
  type Bus,
  type BusHealth,
  type BusListener,
  type JoinOutcome,
  type RoomEvent,
} from './bus.ts';

/** Where the bindings of rooms to hosts' keys outlive the process. */
export interface KeptBindings {
  readonly file: HostBindingsFile;
  /** What an earlier process left in it. */
  readonly kept: readonly HostBinding[];
  readonly log: Logger;
}

/** Changes of bindings are written together after so long. */
const WRITE_AFTER_MS = 500;
/** No timer waits longer at once: beyond 24 days they fire immediately. */
const LONGEST_SLEEP_MS = 3_600_000;

export interface MemoryBusOptions extends RegistryOptions {
  readonly bindings?: KeptBindings | undefined;
  readonly nodeId: string;
  readonly clock: Clock;
}

/** The bus of a single node: its rooms are in this process, and what they are bound to in a file if one is given. */
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
  readonly #bindings: KeptBindings | undefined;
  #cancelWrite: (() => void) | undefined;

  constructor(options: MemoryBusOptions) {
    this.nodeId = options.nodeId;
    this.#registry = new RoomRegistry(options);
    this.#clock = options.clock;
    this.#detachMs = options.detachMs;
    this.#bindings = options.bindings;
  }

  start(): Promise<void> {
    const shift = this.#clock.now() - this.#clock.epoch();
    const kept = [...(this.#bindings?.kept ?? [])].sort((one, other) => one.until - other.until);
    for (const { room, hostKey, until } of kept) {
      this.#registry.restore({ room, hostKey, until: until + shift });
    }
    this.#schedule();
    return Promise.resolve();
  }

  listen(listener: BusListener): void {
    this.#listener = listener;
  }

  join(request: JoinRequest): Promise<JoinOutcome> {
    if (this.#closed) return Promise.resolve({ ok: false, code: 'unavailable' });
    const decision = this.#registry.join(request, this.#clock.now());
    const room = this.#registry.get(request.room);
    if (!decision.ok || room === undefined) {
      return Promise.resolve(decision.ok ? { ok: false, code: 'unavailable' } : decision);
    }
    const { member, resumed, replaced, evicted } = decision;
    if (request.hostKey !== undefined) this.#writeSoon();
    if (evicted !== undefined) this.#removed(room, evicted, 'evicted');
    if (replaced !== undefined) {
      if (replaced.state === 'connected') this.#listener?.replaced(replaced.connectionId);
      if (!resumed)
        this.#tell(room, { type: 'left', member: replaced, reason: 'replaced' }, member);
    }
    this.#tell(room, { type: resumed ? 'resumed' : 'joined', member }, member);
    return Promise.resolve({ ok: true, member, resumed, members: [...room.members.values()] });
  }

  admit(roomId: string, peerId: string): Promise<void> {
    this.#registry.admit(roomId, peerId);
    return Promise.resolve();
  }

  kick(roomId: string, peerId: string, blockMs: number): Promise<void> {
    const room = this.#registry.get(roomId);
    const kicked = this.#registry.kick(roomId, peerId, { blockMs, now: this.#clock.now() });
    if (room !== undefined && kicked !== undefined) this.#removed(room, kicked, 'kicked');
    return Promise.resolve();
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
    if (this.#cancelWrite !== undefined) this.#write();
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#listener = undefined;
    return Promise.resolve();
  }

  #removed(room: Room, member: RoomMember, why: Removal): void {
    if (member.state === 'connected') this.#listener?.removed(member.connectionId, why);
    this.#tell(room, { type: 'left', member, reason: REMOVALS[why] }, member);
  }

  #tell(room: Room, event: RoomEvent, cause: RoomMember): void {
    for (const member of room.members.values()) {
      if (member.state !== 'connected' || member.peerId === cause.peerId) continue;
      this.#listener?.event(member.connectionId, event);
    }
  }

  #writeSoon(): void {
    if (this.#bindings === undefined) return;
    this.#cancelWrite ??= this.#clock.after(WRITE_AFTER_MS, () => {
      this.#write();
    });
  }

  #write(): void {
    this.#cancelWrite?.();
    this.#cancelWrite = undefined;
    if (this.#bindings === undefined) return;
    const now = this.#clock.now();
    const shift = this.#clock.epoch() - now;
    const bindings = [...this.#registry.bindings(now)];
    try {
      this.#bindings.file.write(bindings.map((each) => ({ ...each, until: each.until + shift })));
    } catch (error) {
      this.#bindings.log.warn({ err: error }, 'host bindings not written');
    }
  }

  /** One timer for all deadlines. One that fires too early (its member came back) re-arms. */
  #schedule(): void {
    const next = this.#registry.nextDeadline();
    if (this.#closed || next === undefined) return;
    if (this.#cancelTimer !== undefined && this.#timerAt <= next) return;
    this.#cancelTimer?.();
    this.#timerAt = next;
    this.#cancelTimer = this.#clock.after(
      Math.min(LONGEST_SLEEP_MS, Math.max(0, next - this.#clock.now())),
      () => {
        this.#cancelTimer = undefined;
        this.#expire();
      },
    );
  }

  #expire(): void {
    for (const { room, member } of this.#registry.expire(this.#clock.now())) {
      this.#tell(room, { type: 'left', member, reason: 'lost' }, member);
    }
    this.#schedule();
  }
}
