import type { Bus } from '../bus/bus.ts';
import type { Clock } from '../base/clock.ts';
import type { Config } from '../config/config.ts';
import type { Limiter } from '../limits/limiter.ts';
import type { Random } from '../base/random.ts';
import { IceServers } from './ice-servers.ts';
import { TurnCredentials } from './turn-credentials.ts';
import type { TurnMetrics } from './turn-metrics.ts';

export interface IceParts {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly random: Random;
  readonly metrics: TurnMetrics;
  /** First credentials, by address and by room. */
  readonly limiter: Limiter;
}

/** What the configuration has for members: fixed servers, and TURN with credentials. */
export function createIceServers(config: Config, parts: IceParts): IceServers {
  const { ICE_SERVERS, TURN_URLS: urls, TURN_SECRET: secret, TURN_TTL_S: ttlS } = config;
  return new IceServers({
    ...parts,
    fixed: ICE_SERVERS,
    turn: urls.length === 0 ? undefined : new TurnCredentials({ urls, secret }),
    ttlS,
  });
}
