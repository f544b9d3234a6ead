import type { ChildProcess } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { builtSignalingMain } from '@peerdeck/harness/paths';
import { delay } from '@peerdeck/harness/wait';
import { firstMessage, startChild, stopChild } from './child.ts';
import type { DialectName } from './dialects.ts';
import { BenchRedis } from './redis.ts';

export type SubjectName = 'bare' | 'original' | 'v2' | 'v2-redis' | 'v2-two-nodes' | 'peerjs';

export interface Subject {
  readonly name: SubjectName;
  readonly title: string;
  readonly dialect: DialectName;
  readonly redis: boolean;
  readonly nodes: 1 | 2;
  /** The file that is started; it says its port by IPC. */
  readonly file: string;
  /** Whether its idle connections are measured: once for each kind of them. */
  readonly idle: boolean;
}

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));

const ours = { file: builtSignalingMain, redis: false, nodes: 1, idle: true } as const;

export const subjects: readonly Subject[] = [
  { ...ours, name: 'bare', title: 'bare ws relay', dialect: 'bare', file: path('bare-relay.ts') },
  { ...ours, name: 'v2', title: 'Peerdeck', dialect: 'v2' },
  { ...ours, name: 'original', title: 'Peerdeck, original protocol', dialect: 'original' },
  { ...ours, name: 'v2-redis', title: 'Peerdeck, Redis, one node', dialect: 'v2', redis: true },
  {
    ...ours,
    name: 'v2-two-nodes',
    title: 'Peerdeck, Redis, across two nodes',
    dialect: 'v2',
    redis: true,
    nodes: 2,
    idle: false,
  },
  {
    ...ours,
    name: 'peerjs',
    title: 'PeerJS server',
    dialect: 'peerjs',
    file: path('peerjs-server.ts'),
  },
];

/** Each of ours twice: as built here, and as built in another place. */
export function withOther(file: string): Subject[] {
  return subjects.flatMap((subject) =>
    subject.file === builtSignalingMain
      ? [subject, { ...subject, file, title: `${subject.title} (beside)` }]
      : [subject],
  );
}

/** Limits so high that none binds, and none switched off: counting is part of the cost. */
const HIGH = '10000000';
const HIGH_BYTES = '1000000000000';
const production = {
  NODE_ENV: 'production',
  HOST: '127.0.0.1',
  WS_PORT: '0',
  HEALTH_PORT: '0',
  LOG_LEVEL: 'info',
  MAX_CONNECTIONS: '100000',
  MAX_PENDING_CONNECTIONS: '100000',
  RATE_LIMIT_MESSAGES_PER_10S: HIGH,
  RATE_LIMIT_IP_MSGS_PER_10S: HIGH,
  RATE_LIMIT_ROOM_MSGS_PER_10S: HIGH,
  RATE_LIMIT_BYTES_PER_10S: HIGH_BYTES,
  RATE_LIMIT_IP_BYTES_PER_10S: HIGH_BYTES,
  RATE_LIMIT_ROOM_BYTES_PER_10S: HIGH_BYTES,
  RATE_LIMIT_CONN_PER_10S: HIGH,
  RATE_LIMIT_GUESSES_PER_60S: HIGH,
  MAX_CONNECTIONS_PER_IP: '0',
};

/**
 * As in the Docker image: without the bound the young generation takes what a crowd that connects
 * makes it take, and most of what is then measured of a connection at rest is that.
 */
const NODE_FLAGS = ['--max-semi-space-size=16', '--expose-gc'];

/** A subject that runs. */
export class Running {
  readonly ports: readonly [number, number];
  readonly redis: BenchRedis | undefined;
  readonly #children: readonly ChildProcess[];
  readonly #folder: string;
  readonly #log: number;

  private constructor(
    ports: readonly [number, number],
    children: readonly ChildProcess[],
    redis: BenchRedis | undefined,
    folder: string,
    log: number,
  ) {
    this.ports = ports;
    this.redis = redis;
    this.#children = children;
    this.#folder = folder;
    this.#log = log;
  }

  /** @throws with what is missing. */
  static async start(subject: Subject, core: number | undefined): Promise<Running> {
    const folder = mkdtempSync(join(tmpdir(), 'peerdeck-bench-'));
    const log = openSync(join(folder, 'log'), 'a');
    const children: ChildProcess[] = [];
    let redis: BenchRedis | undefined;
    try {
      if (subject.redis) redis = await BenchRedis.start(core);
      for (let node = 0; node < subject.nodes; node++) {
        const child = startChild({
          command: process.execPath,
          args: [...NODE_FLAGS, '--import', path('settle.ts'), ...extraFlags(), subject.file],
          core,
          output: log,
          env: { ...production, REDIS_URL: redis?.url ?? '' },
          cwd: folder,
          ipc: true,
        });
        children.push(child);
      }
      const ports = await Promise.all(
        children.map(async (child) => {
          const { port } = await firstMessage<{ port: number }>(child, subject.title);
          return port;
        }),
      );
      const [first = 0, second = first] = ports;
      return new Running([first, second], children, redis, folder, log);
    } catch (error) {
      await Promise.all(children.map(stopChild));
      await redis?.close();
      closeSync(log);
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
  }

  /** Of the servers, then of Redis where there is one. */
  get pids(): number[] {
    const own = this.#children.map(({ pid }) => pid ?? 0);
    return this.redis === undefined ? own : [...own, this.redis.pid];
  }

  get servers(): number {
    return this.#children.length;
  }

  /** Collects the garbage of the servers. */
  async settle(): Promise<void> {
    for (const child of this.#children) child.kill('SIGUSR2');
    await delay(1500);
  }

  async close(): Promise<void> {
    await Promise.all(this.#children.map(stopChild));
    await this.redis?.close();
    closeSync(this.#log);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** For a profile: BENCH_NODE_FLAGS="--cpu-prof --cpu-prof-dir=…". */
function extraFlags(): string[] {
  return (process.env['BENCH_NODE_FLAGS'] ?? '').split(' ').filter((flag) => flag !== '');
}
