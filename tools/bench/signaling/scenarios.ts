import { readFileSync } from 'node:fs';

import { sum } from '@peerdeck/harness/statistics';
import { delay } from '@peerdeck/harness/wait';
import { cpuMs } from '../cpu.ts';
import type { LoadProcess } from './load-process.ts';
import type { Relayed } from './protocol.ts';
import type { Running, Subject } from './subjects.ts';

export interface Sizes {
  readonly rooms: number;
  readonly bytes: number;
  /** Before each measured time: code is compiled, buffers have their sizes. */
  readonly warmUpMs: number;
  readonly seconds: number;
  readonly perSecond: number;
  readonly connections: number;
  readonly idleConnections: number;
  readonly idleSeconds: number;
  /** Cycles of connecting and leaving; 0: none. */
  readonly churn: number;
}

export type Figures = Record<string, number>;

interface Place {
  readonly subject: Subject;
  readonly running: Running;
  readonly load: LoadProcess;
  readonly sizes: Sizes;
}

/** Connections under way at a time: what a crowd that comes back at once makes of it. */
const CONCURRENCY = 128;
/** After the last connection is in: what follows a join (events, mirrors) is over. */
const CALM_MS = 300;

/** Throughput, cost and latency of messages between two members of each room. */
export async function measureRelay(place: Place): Promise<Figures> {
  const { subject, running, load, sizes } = place;
  const { dialect } = subject;
  const { errors } = await connect(place, 0, sizes.rooms);
  if (Object.keys(errors).length > 0) throw new Error(Object.keys(errors).join(', '));
  await delay(CALM_MS);
  const { pids } = running;
  const { bytes, seconds, warmUpMs } = sizes;
  const common = { dialect, pids, bytes, seconds, warmUpMs };
  const saturate = (inFlight: number) => load.ask({ ...common, type: 'saturate', inFlight });
  // one message under way in a room: each is read and written by itself, as in life
  const one = await saturate(1);
  const many = await saturate(8);
  // paced, what goes to another node goes alone: under load, many messages share a command
  const before = await running.redis?.commands();
  const paced = await load.ask({ ...common, type: 'pace', perSecond: sizes.perSecond });
  const commands = ((await running.redis?.commands()) ?? 0) - (before ?? 0);
  await load.ask({ type: 'disconnect' });
  const lost = sum([one, many, paced].map(({ errors }) => sum(Object.values(errors))));
  return {
    perSecond: one.received / one.seconds,
    cpuUs: serverUs(one, running.servers),
    loadBusy: one.loadCpuMs / one.seconds / 1000,
    batchedPerSecond: many.received / many.seconds,
    batchedCpuUs: serverUs(many, running.servers),
    ...(running.redis === undefined
      ? {}
      : {
          redisCpuUs: ((one.cpuMs.at(-1) ?? 0) * 1000) / one.received,
          redisCommands: commands / paced.total,
        }),
    pacedP50: paced.p50,
    pacedP99: paced.p99,
    pacedCpuUs: serverUs(paced, running.servers),
    lost,
  };
}

/** Many connections at once, then more of them at rest. */
export async function measureConnections(place: Place, idle: boolean): Promise<Figures> {
  const { running, load, sizes } = place;
  const servers = running.pids.slice(0, running.servers);
  await warmUp(place);
  const cpu = cpuMs(servers);
  const rush = sizes.connections / 2;
  const crowd = await connect(place, 100, rush);
  const figures: Figures = {
    connectsPerSecond: crowd.connections / crowd.seconds,
    connectCpuUs: ((cpuMs(servers) - cpu) * 1000) / crowd.connections,
    connectErrors: sum(Object.values(crowd.errors)),
  };
  if (idle) {
    // from the crowd on: before, what the process has once would hide or swell the connections' part
    const calm = async () => {
      await delay(1000);
      await running.settle();
      return rssKb(servers);
    };
    const rss = await calm();
    const more = sizes.idleConnections - sizes.connections;
    await connect(place, 100 + rush, more / 2);
    const now = await calm();
    figures['idleKb'] = (now - rss) / more;
    figures['idleRssMb'] = now / 1024;
    const from = { cpu: cpuMs(servers), at: performance.now() };
    await delay(sizes.idleSeconds * 1000);
    const seconds = (performance.now() - from.at) / 1000;
    figures['idleCpuPercent'] = (cpuMs(servers) - from.cpu) / seconds / 10;
  }
  await load.ask({ type: 'disconnect' });
  return figures;
}

/** What is made once is no connection's: code, tables, and the heap's space for what is new. */
async function warmUp(place: Place): Promise<void> {
  const { subject, load } = place;
  await connect(place, 0, 50);
  const messages = {
    dialect: subject.dialect,
    pids: [],
    bytes: 1024,
    warmUpMs: 500,
    seconds: 0.5,
    inFlight: 8,
  };
  await load.ask({ ...messages, type: 'saturate' });
  await load.ask({ type: 'disconnect' });
}

/** Whether what comes and goes leaves something behind: memory after many cycles, by memory after few. */
export async function measureChurn(place: Place): Promise<Figures> {
  const { subject, running, load, sizes } = place;
  const servers = running.pids.slice(0, running.servers);
  const { ports } = running;
  const cycles = async (connections: number) => {
    const { errors } = await load.ask({
      ...{ type: 'churn', dialect: subject.dialect, ports },
      pairs: connections / 2,
      concurrency: CONCURRENCY / 2,
    });
    await running.settle();
    return sum(Object.values(errors));
  };
  let errors = await cycles(sizes.churn / 5);
  const early = rssKb(servers);
  errors += await cycles(sizes.churn);
  const late = rssKb(servers);
  return { churnRssRatio: late / early, churnRssMb: late / 1024, churnErrors: errors };
}

async function connect({ subject, running, load }: Place, firstRoom: number, rooms: number) {
  const { dialect } = subject;
  return load.ask({
    ...{ type: 'connect', dialect, ports: running.ports, rooms, firstRoom },
    concurrency: CONCURRENCY,
  });
}

/** CPU microseconds of all server processes a message, Redis not included. */
function serverUs(relayed: Relayed, servers: number): number {
  return (sum(relayed.cpuMs.slice(0, servers)) * 1000) / relayed.received;
}

function rssKb(pids: readonly number[]): number {
  const pages = pids.map((pid) => Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]));
  return sum(pages) * 4;
}
