import { Cluster, Redis, type RedisOptions } from 'ioredis';

export interface RedisClientOptions {
  /** redis:// or rediss:// addresses; several, or `cluster`, mean Redis Cluster. */
  readonly urls: readonly string[];
  readonly cluster: boolean;
  /** For establishing a connection, milliseconds. */
  readonly connectTimeoutMs: number;
  /** The connection is there again, or for the first time. */
  readonly onReady: () => void;
  /** For the log; called for each failed attempt. */
  readonly onError: (error: Error) => void;
}

const MAX_RECONNECT_MS = 1000;

/**
 * Connections to Redis. Nothing waits in a queue for a connection, and nothing is sent twice:
 * what cannot be sent now fails now, and the bus decides what that means.
 */
export function createClient(options: RedisClientOptions): Redis | Cluster {
  const shared: RedisOptions = {
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    connectTimeout: options.connectTimeoutMs,
    // A connection that is given up may be half open, and not answer the end of it.
    disconnectTimeout: options.connectTimeoutMs / 2,
    keepAlive: 5000,
    noDelay: true,
  };
  const client =
    options.cluster || options.urls.length > 1
      ? createCluster(options, shared)
      : new Redis(options.urls[0] ?? '', {
          ...shared,
          lazyConnect: true,
          retryStrategy: backoff,
        });
  client.on('ready', options.onReady);
  client.on('error', options.onError);
  return client;
}

function createCluster(options: RedisClientOptions, shared: RedisOptions): Cluster {
  const seeds = options.urls.map((text) => new URL(text));
  const [first] = seeds;
  const secret: RedisOptions = {
    ...(first?.username ? { username: decodeURIComponent(first.username) } : {}),
    ...(first?.password ? { password: decodeURIComponent(first.password) } : {}),
    ...(first?.protocol === 'rediss:' ? { tls: {} } : {}),
  };
  return new Cluster(
    seeds.map((url) => ({
      host: url.hostname.replace(/^\[|\]$/g, ''),
      port: Number(url.port || 6379),
    })),
    {
      enableOfflineQueue: false,
      lazyConnect: true,
      clusterRetryStrategy: backoff,
      slotsRefreshTimeout: options.connectTimeoutMs,
      // Names of certificates are names of hosts, which an address would not match.
      dnsLookup: (address, callback) => {
        callback(null, address);
      },
      // A subscriber of its own kind: see Channel.
      redisOptions: { ...shared, ...secret },
    },
  );
}

function backoff(attempt: number): number {
  return Math.min(50 * 2 ** Math.min(attempt, 10), MAX_RECONNECT_MS);
}
