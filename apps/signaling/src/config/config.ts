import { LIMITS, SUBPROTOCOL_V2 } from '@peerdeck/protocol';
import * as z from 'zod';
import { authFault } from '../auth/auth-config.ts';
import { authFields } from '../auth/auth-fields.ts';
import {
  basePath,
  byteRate,
  choice,
  fieldMeta,
  flag,
  frameAncestors,
  host,
  iceServers,
  integer,
  networks,
  origins,
  rate,
  redisUrls,
  text,
  token,
  word,
  type FieldMeta,
} from './config-fields.ts';
import { turnFault, turnFields } from '../turn/turn-fields.ts';
import { tracingFields } from '../tracing/tracing-fields.ts';

/** Exit code for a configuration that cannot be served (EX_CONFIG of sysexits.h). */
export const EXIT_CONFIG = 78;

const DAY_MS = 86_400_000;
/** Characters of a wrong value that are repeated. */
const MAX_SHOWN = 120;
const DEFAULT_REDIS_URL = 'redis://127.0.0.1:6379';

/** Every variable the service reads, in the order of the documentation. */
export const envSchema = z.object({
  NODE_ENV: choice(
    ['development', 'test', 'production'],
    'development',
    'production makes an unset REDIS_URL mean the local Redis instead of the embedded bus.',
  ),
  HOST: host('Address to listen on. Unset: all of them.'),
  WS_PORT: integer(0, 65_535, 3002, 'TCP port of WebSocket and page. 0: any free one.'),
  HEALTH_PORT: integer(
    0,
    65_535,
    8080,
    'TCP port of /healthz, /readyz, /servez and /metrics. 0: any free one.',
  ),
  HEALTH_HOST: host('Address for HEALTH_PORT. Unset: the same as HOST.'),
  STATIC_DIR: text(
    '',
    'a folder with an index.html',
    'Folder of the web client, served on WS_PORT. Unset: no pages.',
  ),
  BASE_PATH: basePath(
    'Path at which a proxy in front shows the page, where it does not take it off.',
  ),
  FRAME_ANCESTORS: frameAncestors('Pages that may show this one in a frame.'),
  TLS_CERT_FILE: text(
    '',
    'a PEM file, together with TLS_KEY_FILE',
    'Certificate chain; with it WS_PORT speaks https and wss only.',
  ),
  TLS_KEY_FILE: text('', 'a PEM file, together with TLS_CERT_FILE', 'Private key.'),
  REDIS_URL: redisUrls(
    'Redis for several nodes. Empty: embedded bus of a single node. Unset: embedded bus outside ' +
      `production, ${DEFAULT_REDIS_URL} in production.`,
  ),
  REDIS_CLUSTER: flag(
    false,
    'REDIS_URL is one server of a Redis Cluster. (Several: it always is.)',
  ),
  REDIS_PREFIX: word(
    'peerdeck',
    'First part of every key and channel in Redis, for services that share one.',
  ),
  REDIS_TIMEOUT_MS: integer(50, 60_000, 1000, 'How long an answer of Redis is awaited.'),
  REDIS_LEASE_MS: integer(
    1000,
    600_000,
    10_000,
    'How long a node that is gone without a word keeps the places of its members. Several times ' +
      'REDIS_TIMEOUT_MS.',
  ),
  ROOM_CAPACITY: integer(2, LIMITS.members, 2, 'Members of a room of the original protocol.'),
  ROOM_MAX_MEMBERS: integer(
    2,
    LIMITS.members,
    17,
    'Members of a peerdeck.v2 room, host included. Viewers whom the host has not admitted give way.',
  ),
  ROOM_TTL_SECONDS: integer(
    1,
    86_400,
    120,
    'How long Redis keeps a room that no node answers for; 180 at least.',
  ),
  HOST_KEY_TTL_SECONDS: integer(
    1,
    31_536_000,
    2_592_000,
    "How long an empty room stays bound to its host's key: nobody else can be its host meanwhile.",
  ),
  HOST_BINDINGS_FILE: text(
    '',
    'a file that this process may write',
    'Keeps these bindings over a restart, where there is no Redis.',
  ),
  MAX_CONNECTIONS: integer(1, 1_000_000, 20_000, 'Open WebSockets of this process.'),
  MAX_CONNECTIONS_PER_IP: integer(
    0,
    1_000_000,
    1000,
    'Open WebSockets of one address (IPv6: /64). 0: no limit.',
  ),
  MAX_PENDING_CONNECTIONS: integer(
    1,
    1_000_000,
    1000,
    'Open WebSockets that have not joined a room yet. Full: whoever has most gives way.',
  ),
  MESSAGE_MAX_BYTES: integer(
    1024,
    LIMITS.signalingMessageBytes,
    LIMITS.signalingMessageBytes,
    'Largest message; a larger one closes its connection with 1009.',
  ),
  BACKPRESSURE_CLOSE_THRESHOLD_BYTES: integer(
    65_536,
    1_073_741_824,
    5_242_880,
    'Unsent bytes at which a receiver counts as too slow and is closed.',
  ),
  BACKPRESSURE_TOTAL_BYTES: integer(
    1_048_576,
    1_099_511_627_776,
    268_435_456,
    'Unsent bytes of all receivers of this process; more, and those that hold most are cut off.',
  ),
  UNFINISHED_TOTAL_BYTES: integer(
    1_048_576,
    1_099_511_627_776,
    67_108_864,
    'Memory for messages of all clients of this process that have begun and not ended, or that ' +
      'wait; more, and the address that holds most loses its connections.',
  ),
  RATE_LIMIT_MESSAGES_PER_10S: rate(200, 'Messages of one connection in 10 s.'),
  RATE_LIMIT_IP_MSGS_PER_10S: rate(500, 'Messages of one address (IPv6: /64) in 10 s.'),
  RATE_LIMIT_ROOM_MSGS_PER_10S: rate(1000, 'Messages in one room in 10 s.'),
  RATE_LIMIT_BYTES_PER_10S: byteRate(
    1_048_576,
    'Bytes of these messages of one connection in 10 s.',
  ),
  RATE_LIMIT_IP_BYTES_PER_10S: byteRate(4_194_304, 'Bytes of one address (IPv6: /64) in 10 s.'),
  RATE_LIMIT_ROOM_BYTES_PER_10S: byteRate(4_194_304, 'Bytes of messages in one room in 10 s.'),
  RATE_LIMIT_CONN_PER_10S: rate(50, 'New connections of one address (IPv6: /64) in 10 s.'),
  RATE_LIMIT_GUESSES_PER_60S: rate(
    30,
    'Different rooms in which one address (IPv6: /64) may find nobody, or be refused, in 60 s.',
  ),
  HEARTBEAT_INTERVAL_MS: integer(
    100,
    // The most that clients take in a welcome.
    LIMITS.retryAfterMs,
    10_000,
    'Between two pings of a connection.',
  ),
  HEARTBEAT_TIMEOUT_MS: integer(
    200,
    DAY_MS,
    25_000,
    'Silence after which a connection is dead. More than HEARTBEAT_INTERVAL_MS.',
  ),
  DETACH_MS: integer(
    0,
    LIMITS.retryAfterMs,
    10_000,
    'How long the place of a lost peerdeck.v2 member is kept for its return.',
  ),
  HANDSHAKE_TIMEOUT_MS: integer(
    100,
    600_000,
    10_000,
    'For the TLS handshake, for the HTTP headers, and from the upgrade to the join.',
  ),
  DRAIN_MS: integer(0, 600_000, 5000, 'Deadline of a graceful stop; it ends as soon as it can.'),
  ICE_SERVERS: iceServers(
    'STUN servers, and TURN servers with credentials that do not end, for every member.',
  ),
  ...turnFields,
  REQUIRE_WSS: flag(
    false,
    'Refuse plain ws. Needs TLS_CERT_FILE, or TRUSTED_PROXIES that send X-Forwarded-Proto.',
  ),
  TRUSTED_PROXIES: networks(
    'Peers whose X-Forwarded-For and X-Forwarded-Proto are believed; nobody else is.',
  ),
  ALLOWED_ORIGINS: origins(
    'Pages that may connect: scheme, host and port must match. Empty: any. Clients that send ' +
      'no Origin are no browsers and pass.',
  ),
  SUBPROTOCOL: token(
    `Subprotocol that clients of the original protocol must ask for. ${SUBPROTOCOL_V2} is always understood.`,
  ),
  ...authFields,
  ...tracingFields,
  LOG_LEVEL: choice(
    ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'],
    'info',
    'Least important log line that is written.',
  ),
  PRETTY_LOGS: flag(
    true,
    'Logs for people instead of JSON. Unset: only where NODE_ENV is development.',
  ),
});

/** The environment of the service, parsed. Field names are the variables' names. */
export type Config = Readonly<z.output<typeof envSchema>>;
export type VariableName = keyof typeof envSchema.shape;

export const VARIABLES = Object.keys(envSchema.shape) as VariableName[];

export function describeVariable(name: VariableName): FieldMeta {
  const meta = fieldMeta.get(envSchema.shape[name]);
  if (meta === undefined) throw new Error(`${name} has no description`);
  return meta;
}

/** A configuration that cannot be served. The message is one line: variable, value, remedy. */
export class ConfigError extends Error {
  readonly variable: string;

  constructor(variable: string, message: string) {
    super(message);
    this.name = 'ConfigError';
    this.variable = variable;
  }
}

/**
 * Reads the configuration from an environment such as `process.env`.
 *
 * An empty variable counts as unset, except REDIS_URL, where empty chooses the embedded bus.
 * @throws {ConfigError} for the first variable that is wrong.
 */
export function parseConfig(environment: Readonly<Record<string, string | undefined>>): Config {
  const given: Record<string, string> = {};
  for (const name of VARIABLES) {
    const value = environment[name];
    if (value !== undefined && value.trim() !== '') given[name] = value;
  }
  if (given['NODE_ENV']?.trim() === 'production' && environment['REDIS_URL'] === undefined) {
    given['REDIS_URL'] = DEFAULT_REDIS_URL;
  }
  if (!['', 'development'].includes(given['NODE_ENV']?.trim() ?? '')) {
    given['PRETTY_LOGS'] ??= 'false';
  }
  const result = envSchema.safeParse(given);
  if (!result.success) {
    const name = String(result.error.issues[0]?.path[0]) as VariableName;
    throw refuse(name, given[name] ?? '');
  }
  checkTogether(result.data);
  return result.data;
}

/** `allowed` says what would have been right; by default, what the variable's own kind allows. */
export function refuse(name: VariableName, value: string, allowed?: string): ConfigError {
  const meta = describeVariable(name);
  const start = value.length > MAX_SHOWN ? `${value.slice(0, MAX_SHOWN)}…` : value;
  const shown = meta.secret ? '(not shown)' : JSON.stringify(start);
  const expected = allowed ?? meta.allowed;
  return new ConfigError(name, `${name}=${shown} is not allowed. Allowed: ${expected}.`);
}

function checkTogether(config: Config): void {
  if (config.REDIS_LEASE_MS < config.REDIS_TIMEOUT_MS * 3) {
    const more = `at least three times REDIS_TIMEOUT_MS (${config.REDIS_TIMEOUT_MS})`;
    throw refuse('REDIS_LEASE_MS', String(config.REDIS_LEASE_MS), more);
  }
  if (config.HEARTBEAT_TIMEOUT_MS <= config.HEARTBEAT_INTERVAL_MS) {
    const more = `more than HEARTBEAT_INTERVAL_MS (${config.HEARTBEAT_INTERVAL_MS})`;
    throw refuse('HEARTBEAT_TIMEOUT_MS', String(config.HEARTBEAT_TIMEOUT_MS), more);
  }
  if ((config.TLS_CERT_FILE === '') !== (config.TLS_KEY_FILE === '')) {
    const name = config.TLS_CERT_FILE === '' ? 'TLS_CERT_FILE' : 'TLS_KEY_FILE';
    throw refuse(name, '');
  }
  if (config.WS_PORT !== 0 && config.WS_PORT === config.HEALTH_PORT) {
    throw refuse('HEALTH_PORT', String(config.HEALTH_PORT), 'another port than WS_PORT, or 0');
  }
  if (config.SUBPROTOCOL === SUBPROTOCOL_V2) {
    throw refuse('SUBPROTOCOL', SUBPROTOCOL_V2, 'a name of your own, or nothing');
  }
  const auth = authFault(config);
  if (auth !== undefined) throw refuse(auth.variable, auth.value, auth.allowed);
  const turn = turnFault(config, LIMITS.iceServers);
  if (turn !== undefined) throw refuse(turn.variable, '', turn.allowed);
  if (
    config.REQUIRE_WSS &&
    config.TLS_CERT_FILE === '' &&
    config.TRUSTED_PROXIES.rules.length === 0
  ) {
    const remedy = 'false, or true with TLS_CERT_FILE and TLS_KEY_FILE, or with TRUSTED_PROXIES';
    throw refuse('REQUIRE_WSS', 'true', remedy);
  }
}
