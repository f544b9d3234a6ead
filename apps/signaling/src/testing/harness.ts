import type { Bus } from '../bus/bus.ts';
import type { Clock } from '../base/clock.ts';
import { parseConfig } from '../config/config.ts';
import { createLogger } from '../base/log.ts';
import { Service } from '../service.ts';
import { Peer } from './peer.ts';

export interface TestService {
  readonly service: Service;
  readonly url: string;
  /** Lines of the log, as JSON text. */
  readonly log: string[];
  /** A client of `peerdeck.v2`. */
  v2(): Promise<Peer>;
  /** A client of the original protocol. */
  original(room: string): Promise<Peer>;
  metric(line: string): Promise<number>;
  close(): Promise<void>;
}

/** A real service on free loopback ports, with limits out of the way unless a test sets them. */
export async function startService(
  env: Record<string, string> = {},
  parts: {
    readonly bus?: Bus;
    readonly clock?: Clock;
    readonly nodeId?: string;
    readonly processMetrics?: boolean;
  } = {},
): Promise<TestService> {
  const log: string[] = [];
  const config = parseConfig({
    HOST: '127.0.0.1',
    WS_PORT: '0',
    HEALTH_PORT: '0',
    REDIS_URL: '',
    RATE_LIMIT_MESSAGES_PER_10S: '0',
    RATE_LIMIT_IP_MSGS_PER_10S: '0',
    RATE_LIMIT_ROOM_MSGS_PER_10S: '0',
    RATE_LIMIT_BYTES_PER_10S: '0',
    RATE_LIMIT_IP_BYTES_PER_10S: '0',
    RATE_LIMIT_ROOM_BYTES_PER_10S: '0',
    RATE_LIMIT_CONN_PER_10S: '0',
    MAX_CONNECTIONS_PER_IP: '0',
    RATE_LIMIT_GUESSES_PER_60S: '0',
    ...env,
  });
  const destination = { write: (line: string) => void log.push(line) };
  const service = new Service({
    config,
    log: createLogger({ level: 'trace', pretty: false, nodeId: 'test', destination }),
    nodeId: 'test',
    version: 'test/1',
    ...parts,
  });
  await service.start();
  const scheme = config.TLS_CERT_FILE === '' ? 'ws' : 'wss';
  const url = `${scheme}://127.0.0.1:${service.port}`;
  return {
    service,
    url,
    log,
    v2: () => Peer.open(url, ['peerdeck.v2']),
    original: (room) => Peer.open(`${url}/?roomId=${room}`, []),
    metric: async (line) => {
      const answer = await fetch(`http://127.0.0.1:${service.healthPort}/metrics`);
      const found = (await answer.text()).split('\n').find((text) => text.startsWith(`${line} `));
      return found === undefined ? 0 : Number(found.slice(line.length + 1));
    },
    close: () => service.close(),
  };
}

/** A valid room id of `peerdeck.v2` that ends in `suffix` (digits). */
export function roomId(suffix: number | string): string {
  return String(suffix).padStart(32, '0');
}

/**
 * Resolves once `condition` holds; asks after every turn of the event loop.
 * @throws after `mostMs`: how long a run on a busy machine may take, not how long it should.
 */
export async function until(
  condition: () => boolean | Promise<boolean>,
  mostMs = 15_000,
): Promise<void> {
  const deadline = performance.now() + mostMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`never came true: ${condition.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
