import { FaultProxy } from './fault-proxy.ts';
import { Member, type MemberOptions } from './member.ts';
import { NodeProcess } from './node-process.ts';
import type { Peer } from './peer.ts';
import { RedisServer } from '@peerdeck/harness/redis-server';

/** All the real parts of one test: Redis, nodes, lines and clients. Owns them. */
export class Stage {
  readonly redis: RedisServer;
  readonly #nodes: NodeProcess[] = [];
  readonly #proxies: FaultProxy[] = [];
  readonly #members: Member[] = [];
  readonly #peers: Peer[] = [];
  readonly #env: Readonly<Record<string, string>>;

  private constructor(redis: RedisServer, env: Readonly<Record<string, string>>) {
    this.redis = redis;
    this.#env = env;
  }

  /** `env`: for all nodes, which share one Redis. */
  static async open(env: Readonly<Record<string, string>> = {}): Promise<Stage> {
    return new Stage(await RedisServer.start(), env);
  }

  /** A node that is ready. */
  async node(env: Readonly<Record<string, string>> = {}): Promise<NodeProcess> {
    const node = await NodeProcess.start({ REDIS_URL: this.redis.url, ...this.#env, ...env });
    this.#nodes.push(node);
    return node;
  }

  nodes(count: number, env: Readonly<Record<string, string>> = {}): Promise<NodeProcess[]> {
    return Promise.all(Array.from({ length: count }, () => this.node(env)));
  }

  async proxy(target: number | (() => number)): Promise<FaultProxy> {
    const proxy = await FaultProxy.open(target);
    this.#proxies.push(proxy);
    return proxy;
  }

  /** The real client; it begins to join. */
  member(options: MemberOptions): Member {
    const member = new Member(options);
    this.#members.push(member);
    return member;
  }

  async v2(at: NodeProcess): Promise<Peer> {
    const peer = await at.v2();
    this.#peers.push(peer);
    return peer;
  }

  /** A client that has joined: it comes back, as clients do, where it is told to. */
  async enter(at: NodeProcess, room: string, role: 'host' | 'viewer'): Promise<Peer> {
    for (;;) {
      const peer = await this.v2(at);
      peer.send({ type: 'join', room, role });
      await peer.next('hello');
      const answer = await peer.next();
      if (answer.type === 'welcome') return peer;
      if (answer['code'] !== 'unavailable') throw new Error(`refused: ${String(answer['code'])}`);
      await new Promise((resolve) => setTimeout(resolve, Number(answer['retryAfterMs'])));
    }
  }

  async original(at: NodeProcess, room: string): Promise<Peer> {
    const peer = await at.original(room);
    this.#peers.push(peer);
    return peer;
  }

  /** Rooms that Redis has, by their ids, with the peer ids of each. */
  async rooms(): Promise<Map<string, string[]>> {
    const keys = (await this.redis.command('keys', 'peerdeck:*:room')) as string[];
    const rooms = await Promise.all(
      keys.map(async (key) => {
        const fields = (await this.redis.command('hgetall', key)) as Record<string, string>;
        const members = Object.keys(fields).filter((field) => field.startsWith('m:'));
        const id = /\{(.*)\}/.exec(key)?.[1] ?? key;
        return [id, members.map((field) => field.slice(2))] as const;
      }),
    );
    return new Map(rooms);
  }

  /** Idempotent. */
  async close(): Promise<void> {
    for (const member of this.#members) member.close();
    for (const peer of this.#peers) peer.socket.terminate();
    await Promise.all(this.#nodes.map((node) => node.close()));
    await Promise.all(this.#proxies.map((proxy) => proxy.close()));
    this.redis.resume();
    await this.redis.close();
  }
}
