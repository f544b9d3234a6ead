import { readFileSync } from 'node:fs';
import type { Node, Site } from './site.ts';

/** Clock ticks a second of /proc/<pid>/stat, 100 on every Linux that we run on. */
const TICK_MS = 10;
/** A scrape is work for the node too. */
const SAMPLE_EVERY_MS = 2500;

/** What one node took while a scenario ran. */
export interface NodeUsage {
  readonly name: string;
  readonly cpuMs: number;
  readonly rssBeforeMB: number;
  readonly rssPeakMB: number;
  readonly connectionsPeak: number;
  readonly relayed: { readonly local: number; readonly remote: number };
  readonly redisCommands: Readonly<Record<string, number>>;
}

export interface RedisUsage {
  readonly cpuMs: number;
  readonly commands: number;
  readonly memoryBeforeMB: number;
  readonly memoryPeakMB: number;
}

interface Reading {
  cpuMs: number;
  rssMB: number;
  metrics: Metrics;
}

interface Watched {
  before: Reading;
  last: Reading;
  rssPeakMB: number;
  connectionsPeak: number;
}

/** Watches nodes and Redis from before a scenario to after it. */
export class Usage {
  readonly #site: Site;
  readonly #records = new Map<Node, Watched>();
  #redis: { before: RedisReading; last: RedisReading; peakMB: number } | undefined;
  #timer: NodeJS.Timeout | undefined;
  #reading: Promise<void> = Promise.resolve();

  private constructor(site: Site) {
    this.#site = site;
  }

  static async begin(site: Site): Promise<Usage> {
    const usage = new Usage(site);
    await usage.#read();
    usage.#timer = setInterval(() => {
      usage.#reading = usage.#read();
    }, SAMPLE_EVERY_MS);
    return usage;
  }

  async end(): Promise<{ nodes: NodeUsage[]; redis: RedisUsage | undefined }> {
    clearInterval(this.#timer);
    await this.#reading;
    await this.#read();
    const nodes = [...this.#records].map(([{ name }, record]) => summarize(name, record));
    const redis = this.#redis;
    return {
      nodes,
      redis: redis && {
        cpuMs: redis.last.cpuMs - redis.before.cpuMs,
        commands: redis.last.commands - redis.before.commands,
        memoryBeforeMB: redis.before.memoryMB,
        memoryPeakMB: redis.peakMB,
      },
    };
  }

  async #read(): Promise<void> {
    await Promise.all(this.#site.nodes.map((node) => this.#readNode(node)));
    const { redis } = this.#site;
    if (redis === undefined) return;
    const reading = readInfo(String(await redis.command('info')));
    this.#redis ??= { before: reading, last: reading, peakMB: 0 };
    this.#redis.last = reading;
    this.#redis.peakMB = Math.max(this.#redis.peakMB, reading.memoryMB);
  }

  /** A node that is dead keeps what was read last. */
  async #readNode(node: Node): Promise<void> {
    try {
      const metrics = await scrape(node.healthPort);
      const reading = { ...readProcess(node.child.pid), metrics };
      const record = this.#records.get(node) ?? {
        ...{ before: reading, last: reading, rssPeakMB: 0, connectionsPeak: 0 },
      };
      record.last = reading;
      record.rssPeakMB = Math.max(record.rssPeakMB, reading.rssMB);
      const connections = sum(metrics, 'signaling_connections');
      record.connectionsPeak = Math.max(record.connectionsPeak, connections);
      this.#records.set(node, record);
    } catch {
      // Killed, or about to be.
    }
  }
}

function summarize(name: string, { before, last, rssPeakMB, connectionsPeak }: Watched): NodeUsage {
  const grown = (metric: string, label?: string) =>
    sum(last.metrics, metric, label) - sum(before.metrics, metric, label);
  const commands = new Set(
    [...last.metrics.keys()].flatMap(
      (key) => /^signaling_redis_commands_total\{.*command="([^"]+)"/.exec(key)?.[1] ?? [],
    ),
  );
  return {
    name,
    cpuMs: last.cpuMs - before.cpuMs,
    rssBeforeMB: before.rssMB,
    rssPeakMB,
    connectionsPeak,
    relayed: {
      local: grown('signaling_messages_relayed_total', 'path="local"'),
      remote: grown('signaling_messages_relayed_total', 'path="remote"'),
    },
    redisCommands: Object.fromEntries(
      [...commands].map((command) => [
        command,
        grown('signaling_redis_commands_total', `command="${command}"`),
      ]),
    ),
  };
}

export type Metrics = ReadonlyMap<string, number>;

/** Samples of the Prometheus text format, by name and labels. */
export function parseMetrics(text: string): Metrics {
  const samples = new Map<string, number>();
  for (const line of text.split('\n')) {
    const at = line.lastIndexOf(' ');
    if (!line.startsWith('#') && at > 0) samples.set(line.slice(0, at), Number(line.slice(at)));
  }
  return samples;
}

/** Over all series of a metric, or those with a label. */
export function sum(metrics: Metrics, name: string, label = ''): number {
  let total = 0;
  for (const [key, value] of metrics) {
    const own = key === name || key.startsWith(`${name}{`);
    if (own && key.includes(label)) total += value;
  }
  return total;
}

export async function scrape(healthPort: number): Promise<Metrics> {
  const response = await fetch(`http://127.0.0.1:${healthPort}/metrics`);
  return parseMetrics(await response.text());
}

function readProcess(pid: number): { cpuMs: number; rssMB: number } {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name may hold spaces and brackets: fields are counted from its last bracket on.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const rss = /^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? '0';
  return {
    cpuMs: (Number(fields[11]) + Number(fields[12])) * TICK_MS,
    rssMB: Number(rss) / 1024,
  };
}

interface RedisReading {
  cpuMs: number;
  commands: number;
  memoryMB: number;
}

export function readInfo(text: string): RedisReading {
  const number = (name: string) =>
    Number(new RegExp(`^${name}:([\\d.]+)`, 'm').exec(text)?.[1] ?? 0);
  return {
    cpuMs: (number('used_cpu_user') + number('used_cpu_sys')) * 1000,
    commands: number('total_commands_processed'),
    memoryMB: number('used_memory') / 2 ** 20,
  };
}
