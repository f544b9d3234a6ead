import { existsSync } from 'node:fs';
import { Child } from '@peerdeck/harness/child';
import { builtSignalingMain } from '@peerdeck/harness/paths';
import { RedisServer } from '@peerdeck/harness/redis-server';
import { Cutter } from './cutter.ts';

const START_MS = 20_000;

/** Everything comes from one address here, and a burst is what is wanted. */
const NO_LIMITS = {
  RATE_LIMIT_MESSAGES_PER_10S: '0',
  RATE_LIMIT_IP_MSGS_PER_10S: '0',
  RATE_LIMIT_ROOM_MSGS_PER_10S: '0',
  RATE_LIMIT_BYTES_PER_10S: '0',
  RATE_LIMIT_IP_BYTES_PER_10S: '0',
  RATE_LIMIT_ROOM_BYTES_PER_10S: '0',
  RATE_LIMIT_CONN_PER_10S: '0',
  RATE_LIMIT_GUESSES_PER_60S: '0',
  MAX_CONNECTIONS_PER_IP: '0',
  MAX_CONNECTIONS: '1000000',
  MAX_PENDING_CONNECTIONS: '1000000',
};

export interface SiteOptions {
  readonly nodes: number;
  readonly bus: 'redis' | 'memory';
}

export interface Node {
  readonly name: string;
  readonly child: Child;
  readonly port: number;
  readonly healthPort: number;
}

/** Nodes of the service, as built, and a Redis of their own. Owns all of it. */
export class Site {
  readonly nodes: Node[] = [];
  readonly cutters: Cutter[] = [];
  redis: RedisServer | undefined;

  /** @throws Error that says what is missing; nothing is left running then. */
  static async open({ nodes, bus }: SiteOptions): Promise<Site> {
    if (!existsSync(builtSignalingMain)) {
      throw new Error(`${builtSignalingMain} is not there: run \`npm run build\` first`);
    }
    const site = new Site();
    try {
      if (bus === 'redis') {
        site.redis = await RedisServer.start(['--maxclients', '10000']);
      }
      for (let i = 0; i < nodes; i += 1) {
        const node = await site.start(`node ${i + 1}`, 0);
        site.nodes.push(node);
        site.cutters.push(await Cutter.open(node.port));
      }
    } catch (error) {
      await site.close();
      throw error;
    }
    return site;
  }

  get urls(): string[] {
    return this.nodes.map(({ port }) => `ws://127.0.0.1:${port}`);
  }

  /** One more node. `port` 0: any. */
  async start(name: string, port: number): Promise<Node> {
    let ready: (ports: { port: number; healthPort: number }) => void = () => {};
    const listening = new Promise<{ port: number; healthPort: number }>((resolve) => {
      ready = resolve;
    });
    const child = new Child({
      name,
      command: process.execPath,
      args: [builtSignalingMain],
      env: {
        PATH: process.env['PATH'],
        ...NO_LIMITS,
        NODE_ENV: 'production',
        HOST: '127.0.0.1',
        WS_PORT: String(port),
        HEALTH_PORT: '0',
        LOG_LEVEL: 'warn',
        REDIS_URL: this.redis?.url ?? '',
      },
      onMessage: (message) => ready(message as { port: number; healthPort: number }),
    });
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      const fail = () => reject(new Error(`${name} does not start:\n${child.log}`));
      timer = setTimeout(fail, START_MS);
    });
    try {
      const ports = await Promise.race([listening, late]);
      return { name, child, port: ports.port, healthPort: ports.healthPort };
    } catch (error) {
      await child.close();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Idempotent. */
  async close(): Promise<void> {
    for (const cutter of this.cutters) cutter.close();
    await Promise.all(this.nodes.map(({ child }) => child.close()));
    await this.redis?.close();
  }
}
