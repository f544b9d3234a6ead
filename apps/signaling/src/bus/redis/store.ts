import {
  MAX_BLOCKED,
  MAX_UNPROVEN,
  type JoinRefusal,
  type JoinRequest,
  type RoomKind,
  type RoomLimits,
  type RoomMember,
} from '../../rooms/room.ts';
import { NO_SPAN, type Span } from '../../tracing/span.ts';
import type { Link } from './link.ts';
import { SCRIPTS, type Script } from './scripts.ts';
import { fromStored, toStored, type Change, type How, type StoredMember } from './wire.ts';

export interface StoreOptions {
  readonly link: Link;
  readonly nodeId: string;
  /** First part of every key and channel. */
  readonly prefix: string;
  readonly limits: RoomLimits;
  readonly leaseMs: number;
  /** A room nobody renews is forgotten after so long. */
  readonly roomTtlMs: number;
  /** How long an empty room stays bound to its host's key. */
  readonly emptyRoomMs: number;
}

/** A room as Redis has it, after a script. */
export interface RoomAnswer {
  readonly ok: boolean;
  readonly code?: JoinRefusal;
  readonly peer?: string;
  readonly resumed?: boolean;
  readonly version: number;
  readonly kind?: RoomKind;
  readonly hostKey?: string;
  readonly maxViewers?: number;
  readonly members: readonly RoomMember[];
  readonly changes: readonly Change[];
  /** Whoever has to hear of the changes. */
  readonly nodes: readonly string[];
  /** How the last members went. */
  readonly gone: readonly (readonly [peerId: string, how: How])[];
  /** Members that a sync could not bring back. */
  readonly refused: readonly string[];
}

/** What one node says of a room. */
export interface RoomClaim {
  readonly room: string;
  readonly nodeId: string;
  readonly kind: RoomKind;
  readonly hostKey: string | undefined;
  readonly maxViewers: number | undefined;
  readonly members: readonly RoomMember[];
}

/** Keys, scripts and commands; no decision is made here. */
export class Store {
  readonly #options: StoreOptions;
  readonly #link: Link;

  constructor(options: StoreOptions) {
    this.#options = options;
    this.#link = options.link;
  }

  channel(nodeId: string): string {
    return `${this.#options.prefix}:node:${nodeId}`;
  }

  join(request: JoinRequest, span?: Span): Promise<RoomAnswer> {
    const { kind, role, nodeId, connectionId, peerId, resume, resumeFrom, hostKey } = request;
    const member = [kind, role, nodeId, connectionId, peerId, resume];
    const claims = [resumeFrom ?? '', hostKey ?? '', request.maxViewers ?? ''];
    const { limits } = this.#options;
    const bounds = [limits.originalCapacity, limits.maxMembers, ...this.#lifetimes()];
    const crowd = [request.origin, MAX_UNPROVEN];
    return this.#run(SCRIPTS.join, request.room, [...member, ...claims, ...bounds, ...crowd], span);
  }

  admit(room: string, peerId: string, span?: Span): Promise<RoomAnswer> {
    return this.#run(SCRIPTS.admit, room, [peerId, ...this.#lifetimes()], span);
  }

  kick(room: string, peerId: string, blockMs: number, span?: Span): Promise<RoomAnswer> {
    const args = [peerId, blockMs, MAX_BLOCKED, ...this.#lifetimes()];
    return this.#run(SCRIPTS.kick, room, args, span);
  }

  leave(
    room: string,
    { peerId, connectionId }: Pick<RoomMember, 'peerId' | 'connectionId'>,
    how: How,
    span?: Span,
  ): Promise<RoomAnswer> {
    const args = [peerId, connectionId, how, ...this.#lifetimes()];
    return this.#run(SCRIPTS.leave, room, args, span);
  }

  sync({ room, nodeId, kind, hostKey, maxViewers, members }: RoomClaim): Promise<RoomAnswer> {
    const { limits } = this.#options;
    const claim = [nodeId, kind, hostKey ?? '', maxViewers ?? ''];
    const bounds = [limits.originalCapacity, limits.maxMembers, ...this.#lifetimes()];
    const named = JSON.stringify(members.map(toStored));
    return this.#run(SCRIPTS.sync, room, [...claim, ...bounds, named]);
  }

  /** Keeps the room for another while if it is at this version; whether it was. */
  async renew(room: string, version: number): Promise<boolean> {
    const args = [...this.#keyed(room), version, ...this.#lifetimes()];
    return (await this.#ask(SCRIPTS.renew, args)) === 1;
  }

  /** Renews the lease; answers with the value it had. */
  async renewLease(value: string): Promise<string | null> {
    const { nodeId, leaseMs } = this.#options;
    const args = [this.#lease(nodeId), value, 'PX', leaseMs, 'GET'];
    return (await this.#link.command('lease', 'set', args, true)) as string | null;
  }

  /** The lease outlives the node for so long; 0: it ends now. */
  async endLease(value: string, ms: number): Promise<void> {
    const { nodeId } = this.#options;
    const lease = this.#lease(nodeId);
    if (ms > 0) {
      await this.#link.command('lease', 'set', [lease, value, 'PX', ms]);
      await this.announce(ms);
      return;
    }
    await this.#link.command('lease', 'del', [lease]);
    await this.#link.command('nodes', 'zrem', [this.#nodes(), nodeId]);
  }

  /** undefined if the node has none: it is dead. */
  async lease(nodeId: string): Promise<string | undefined> {
    const value = await this.#link.command('lease', 'get', [this.#lease(nodeId)]);
    return typeof value === 'string' ? value : undefined;
  }

  /** Writes when this node is to be looked after, by the server's clock. */
  async announce(ms: number): Promise<void> {
    const until = (await this.#now()) + ms;
    await this.#link.command('nodes', 'zadd', [this.#nodes(), until, this.#options.nodeId]);
  }

  /** Nodes whose time is over; their leases decide whether they are dead. */
  async overdueNodes(): Promise<string[]> {
    const args = [this.#nodes(), '-inf', await this.#now(), 'LIMIT', 0, 16];
    return (await this.#link.command('nodes', 'zrangebyscore', args)) as string[];
  }

  async addRoom(room: string): Promise<void> {
    await this.#link.command('rooms', 'sadd', [this.#rooms(this.#options.nodeId), room]);
  }

  async removeRoom(nodeId: string, room: string): Promise<void> {
    await this.#link.command('rooms', 'srem', [this.#rooms(nodeId), room]);
  }

  async someRooms(nodeId: string, most: number): Promise<string[]> {
    const args = [this.#rooms(nodeId), most];
    return (await this.#link.command('rooms', 'srandmember', args)) as string[];
  }

  async forgetNode(nodeId: string): Promise<void> {
    await this.#link.command('nodes', 'zrem', [this.#nodes(), nodeId]);
  }

  async #now(): Promise<number> {
    const [seconds, micros] = (await this.#link.command('time', 'time', [])) as [string, string];
    return Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
  }

  #lifetimes(): [number, number] {
    return [this.#options.roomTtlMs, this.#options.emptyRoomMs];
  }

  #lease(nodeId: string): string {
    return `${this.#options.prefix}:{${nodeId}}:lease`;
  }

  #rooms(nodeId: string): string {
    return `${this.#options.prefix}:{${nodeId}}:rooms`;
  }

  #nodes(): string {
    return `${this.#options.prefix}:nodes`;
  }

  async #run(
    script: Script,
    room: string,
    args: (string | number)[],
    span: Span = NO_SPAN,
  ): Promise<RoomAnswer> {
    const timed = span.child('redis', { script: script.name });
    const keyed = [...this.#keyed(room), ...args];
    try {
      const answer = await this.#ask(script, keyed);
      timed.end();
      return readAnswer(String(answer));
    } catch (error) {
      timed.end({}, true);
      throw error;
    }
  }

  #keyed(room: string): [number, string] {
    return [1, `${this.#options.prefix}:{${room}}:room`];
  }

  async #ask({ name, sha, text }: Script, keyed: readonly (string | number)[]): Promise<unknown> {
    try {
      return await this.#link.command(name, 'evalsha', [sha, ...keyed]);
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
      return this.#link.command(name, 'eval', [text, ...keyed]);
    }
  }
}

interface RawAnswer {
  ok?: boolean;
  code?: NonNullable<RoomAnswer['code']>;
  peer?: string;
  resumed?: boolean;
  v?: number;
  kind?: RoomKind;
  hk?: string;
  mv?: number;
  members?: unknown;
  changes?: unknown;
  nodes?: unknown;
  refused?: unknown;
  gone?: unknown;
}

function readAnswer(text: string): RoomAnswer {
  const { ok, v, hk, mv, members, changes, nodes, refused, gone, ...rest } = JSON.parse(
    text,
  ) as RawAnswer;
  return {
    ...rest,
    ok: ok === true,
    version: v ?? 0,
    ...(hk === undefined ? {} : { hostKey: hk }),
    ...(mv === undefined ? {} : { maxViewers: mv }),
    members: list<StoredMember>(members).map(fromStored),
    changes: list<{ how: How; m: StoredMember }>(changes).map(({ how, m }) => ({
      how,
      member: fromStored(m),
    })),
    nodes: list<string>(nodes),
    refused: list<string>(refused),
    gone: list<[string, How]>(gone),
  };
}

/** An empty list comes as an object from cjson. */
function list<T>(value: unknown): readonly T[] {
  return Array.isArray(value) ? (value as T[]) : [];
}
