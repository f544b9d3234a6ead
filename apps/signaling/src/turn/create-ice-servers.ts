import type { Bus } from '../bus/bus.ts';
import type { Clock } from '../clock.ts';
import type { Config } from '../config.ts';
import { KeyedLimiter } from '../limiter.ts';
import type { Random } from '../random.ts';
import { IceServers } from './ice-servers.ts';
import { TurnCredentials } from './turn-credentials.ts';
import type { TurnMetrics } from './turn-metrics.ts';

export interface IceParts {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly random: Random;
  readonly metrics: TurnMetrics;
}

const LIMIT_PERIOD_MS = 600_000;
const MAX_LIMIT_KEYS = 100_000;

/** What the configuration has for members: fixed servers, and TURN with credentials. */
export function createIceServers(config: Config, parts: IceParts): IceServers {
  const { ICE_SERVERS, TURN_URLS: urls, TURN_SECRET: secret, TURN_TTL_S: ttlS } = config;
  return new IceServers({
    ...parts,
    fixed: ICE_SERVERS,
    turn: urls.length === 0 ? undefined : new TurnCredentials({ urls, secret }),
    ttlS,
    limiter: new KeyedLimiter({
      limit: config.RATE_LIMIT_TURN_PER_10MIN,
      periodMs: LIMIT_PERIOD_MS,
      maxKeys: MAX_LIMIT_KEYS,
    }),
  });
}
