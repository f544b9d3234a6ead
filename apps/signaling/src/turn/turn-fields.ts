import { integer, rate, text, turnUrls } from '../config/config-fields.ts';

/** The variables of TURN. */
export const turnFields = {
  TURN_URLS: turnUrls(
    'TURN servers that TURN_SECRET is shared with. Members of a room whose host is connected get ' +
      'credentials for them. Empty: none.',
  ),
  TURN_SECRET: text(
    '',
    'a secret of 32 to 256 characters without spaces; make one with: openssl rand -hex 32',
    'Shared with the TURN servers (static-auth-secret of coturn).',
    { secret: true },
  ),
  TURN_TTL_S: integer(
    10,
    86_400,
    600,
    'Seconds for which TURN credentials let new relays be made; they are renewed in time. A relay ' +
      'that stands outlives them.',
  ),
  RATE_LIMIT_TURN_PER_10MIN: rate(
    120,
    'First TURN credentials of members, by address (IPv6: /64) and by room, in 10 min.',
  ),
};

export interface TurnConfig {
  readonly ICE_SERVERS: readonly unknown[];
  readonly TURN_URLS: readonly string[];
  readonly TURN_SECRET: string;
}

export interface TurnFault {
  readonly variable: 'TURN_SECRET' | 'ICE_SERVERS';
  /** What would have been right. */
  readonly allowed: string | undefined;
}

/** The first thing that is wrong with the variables taken together; undefined: nothing. */
export function turnFault(config: TurnConfig, maxServers: number): TurnFault | undefined {
  const { ICE_SERVERS, TURN_URLS, TURN_SECRET } = config;
  const needed = TURN_URLS.length > 0 || TURN_SECRET !== '';
  if (needed && !/^[\x21-\x7e]{32,256}$/.test(TURN_SECRET)) {
    return { variable: 'TURN_SECRET', allowed: undefined };
  }
  const most = maxServers - (TURN_URLS.length > 0 ? 1 : 0);
  if (ICE_SERVERS.length <= most) return undefined;
  return { variable: 'ICE_SERVERS', allowed: `at most ${most} servers` };
}
