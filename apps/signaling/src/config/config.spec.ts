import { readFileSync } from 'node:fs';
import { ENV_EXAMPLE, MANUAL, envExample, withEnvTable } from '../docs/env-docs.ts';
import { ConfigError, VARIABLES, describeVariable, parseConfig } from './config.ts';

test('the defaults', () => {
  const config = parseConfig({});
  expect(config).toMatchObject({
    NODE_ENV: 'development',
    WS_PORT: 3002,
    HEALTH_PORT: 8080,
    REDIS_URL: [],
    ROOM_CAPACITY: 2,
    ROOM_TTL_SECONDS: 120,
    HOST_KEY_TTL_SECONDS: 2_592_000,
    HOST_BINDINGS_FILE: '',
    MESSAGE_MAX_BYTES: 262_144,
    BACKPRESSURE_CLOSE_THRESHOLD_BYTES: 5_242_880,
    BACKPRESSURE_TOTAL_BYTES: 268_435_456,
    RATE_LIMIT_MESSAGES_PER_10S: 200,
    RATE_LIMIT_IP_MSGS_PER_10S: 500,
    RATE_LIMIT_ROOM_MSGS_PER_10S: 1000,
    RATE_LIMIT_BYTES_PER_10S: 1_048_576,
    RATE_LIMIT_IP_BYTES_PER_10S: 4_194_304,
    RATE_LIMIT_ROOM_BYTES_PER_10S: 4_194_304,
    UNFINISHED_TOTAL_BYTES: 67_108_864,
    RATE_LIMIT_CONN_PER_10S: 50,
    RATE_LIMIT_GUESSES_PER_60S: 30,
    REQUIRE_WSS: false,
    ALLOWED_ORIGINS: [],
    SUBPROTOCOL: '',
    ENABLE_AUTH: false,
    JWT_SECRET: '',
    JWT_ISSUER: '',
    JWT_AUDIENCE: '',
    HEARTBEAT_INTERVAL_MS: 10_000,
    DETACH_MS: 10_000,
    DRAIN_MS: 5000,
    ICE_SERVERS: [],
  });
});

test('values are read, spaces and empty variables do not matter', () => {
  const config = parseConfig({
    WS_PORT: ' 0 ',
    HEALTH_PORT: '0',
    REQUIRE_WSS: 'TRUE',
    TRUSTED_PROXIES: '10.0.0.0/8, ::1',
    ALLOWED_ORIGINS: 'https://a.example, https://*.b.example:8443,http://localhost:3000/',
    ICE_SERVERS:
      '[{"urls":"stun:s.example"},' +
      '{"urls":["turns:t.example:443?transport=tcp"],"username":"u","credential":"c"}]',
    SUBPROTOCOL: '',
    ROOM_CAPACITY: '',
  });
  expect(config).toMatchObject({ WS_PORT: 0, HEALTH_PORT: 0, REQUIRE_WSS: true, ROOM_CAPACITY: 2 });
  expect(config.TRUSTED_PROXIES.check('10.1.2.3')).toBe(true);
  expect(config.TRUSTED_PROXIES.check('::1', 'ipv6')).toBe(true);
  expect(config.TRUSTED_PROXIES.check('11.1.2.3')).toBe(false);
  expect(config.ALLOWED_ORIGINS).toEqual([
    { scheme: 'https:', host: 'a.example', port: '', subdomains: false },
    { scheme: 'https:', host: 'b.example', port: '8443', subdomains: true },
    { scheme: 'http:', host: 'localhost', port: '3000', subdomains: false },
  ]);
  expect(config.ICE_SERVERS).toEqual([
    { urls: ['stun:s.example'] },
    { urls: ['turns:t.example:443?transport=tcp'], username: 'u', credential: 'c' },
  ]);
});

const bad: [string, string][] = [
  ['NODE_ENV', 'prod'],
  ['WS_PORT', '70000'],
  ['WS_PORT', '-1'],
  ['WS_PORT', '80.5'],
  ['WS_PORT', '0x50'],
  ['HEALTH_PORT', 'http'],
  ['ROOM_CAPACITY', '1'],
  ['ROOM_MAX_MEMBERS', '99999'],
  ['ROOM_TTL_SECONDS', '0'],
  ['HOST_KEY_TTL_SECONDS', '30d'],
  ['REDIS_CLUSTER', 'maybe'],
  ['REDIS_PREFIX', 'two words'],
  ['REDIS_TIMEOUT_MS', '1'],
  ['REDIS_LEASE_MS', '1'],
  ['MESSAGE_MAX_BYTES', '999999999'],
  ['BACKPRESSURE_CLOSE_THRESHOLD_BYTES', '1'],
  ['RATE_LIMIT_MESSAGES_PER_10S', 'many'],
  ['RATE_LIMIT_IP_MSGS_PER_10S', '-5'],
  ['RATE_LIMIT_ROOM_MSGS_PER_10S', '1e3'],
  ['RATE_LIMIT_BYTES_PER_10S', '1 MiB'],
  ['RATE_LIMIT_IP_BYTES_PER_10S', '-1'],
  ['RATE_LIMIT_ROOM_BYTES_PER_10S', '4e6'],
  ['UNFINISHED_TOTAL_BYTES', '1024'],
  ['RATE_LIMIT_CONN_PER_10S', 'NaN'],
  ['RATE_LIMIT_GUESSES_PER_60S', '30/min'],
  ['HEARTBEAT_INTERVAL_MS', '1'],
  ['HEARTBEAT_INTERVAL_MS', '3600001'],
  ['HEARTBEAT_TIMEOUT_MS', '500'],
  ['REQUIRE_WSS', 'yes'],
  ['REQUIRE_WSS', 'true'],
  ['ALLOWED_ORIGINS', 'example.com'],
  ['ALLOWED_ORIGINS', 'https://a.example/path'],
  ['ALLOWED_ORIGINS', 'https://*'],
  ['ALLOWED_ORIGINS', 'https://a.*.example'],
  ['ALLOWED_ORIGINS', 'ftp://a.example'],
  ['ALLOWED_ORIGINS', 'https://user@a.example'],
  ['ALLOWED_ORIGINS', 'https://a.example?x=1'],
  ['ALLOWED_ORIGINS', 'https:a.example'],
  ['ALLOWED_ORIGINS', 'https://'],
  ['ALLOWED_ORIGINS', '*'],
  ['TRUSTED_PROXIES', '10.0.0.0/99'],
  ['TRUSTED_PROXIES', 'proxy'],
  ['SUBPROTOCOL', 'two words'],
  ['SUBPROTOCOL', 'peerdeck.v2'],
  ['ENABLE_AUTH', 'on'],
  ['TLS_CERT_FILE', '/some/cert.pem'],
  ['ICE_SERVERS', 'stun:s.example'],
  ['ICE_SERVERS', '{"urls":"stun:s.example"}'],
  ['ICE_SERVERS', '[{"urls":"https://s.example"}]'],
  ['ICE_SERVERS', '[{"urls":"stun:"}]'],
  ['ICE_SERVERS', '[{"urls":"stun:s.example/path"}]'],
  ['ICE_SERVERS', '[{"urls":"turn:t.example"}]'],
  ['ICE_SERVERS', '[{"urls":["stun:s.example","turns:t.example"],"username":"u"}]'],
  ['TURN_URLS', 'turn.example.com'],
  ['TURN_URLS', 'stun:turn.example.com'],
  ['TURN_URLS', 'TURN:turn.example.com'],
  ['TURN_URLS', 'turn:user@turn.example.com'],
  ['TURN_URLS', 'turn:turn.example.com?transport=sctp'],
  ['TURN_URLS', 'turn:a.example,http://b.example'],
  ['TURN_TTL_S', '9'],
  ['TURN_TTL_S', '1h'],
  ['RATE_LIMIT_TURN_PER_10MIN', '-1'],
  ['LOG_LEVEL', 'loud'],
  ['PRETTY_LOGS', '2'],
];

test.each(bad)('%s=%s is refused by one line that names it and what is allowed', (name, value) => {
  const error = refusal({ [name]: value });
  const named = name === 'TLS_CERT_FILE' ? 'TLS_KEY_FILE' : name;
  expect(error.variable).toBe(named);
  expect(error.message).toMatch(new RegExp(`^${named}=.* is not allowed. Allowed: .+\\.$`));
  expect(error.message).not.toContain('\n');
  if (name !== 'ICE_SERVERS' && name !== 'TLS_CERT_FILE') expect(error.message).toContain(value);
});

describe('TURN', () => {
  const secret = 'x'.repeat(32);

  test('addresses of all kinds are read', () => {
    const urls = 'turn:t.example, turns:[2001:db8::1]:443?transport=tcp,turn:192.0.2.1:3478';
    const config = parseConfig({ TURN_URLS: urls, TURN_SECRET: secret });
    expect(config.TURN_URLS).toEqual(urls.split(/, ?/));
    expect(config.TURN_TTL_S).toBe(600);
  });

  test.each([
    ['none', {}],
    ['a short one', { TURN_SECRET: 'hush-hush' }],
    ['one with a space', { TURN_SECRET: `hush-hush ${secret}` }],
  ])('addresses with %s as their secret are refused; it is not shown', (_what, env) => {
    const error = refusal({ TURN_URLS: 'turn:t.example', ...env });
    expect(error.variable).toBe('TURN_SECRET');
    expect(error.message).toMatch(/^TURN_SECRET=\(not shown\) is not allowed\. .*openssl rand/);
    expect(error.message).not.toContain('hush');
  });

  test('more servers than a welcome may have are refused, TURN_URLS included', () => {
    const ICE_SERVERS = JSON.stringify(Array(32).fill({ urls: 'stun:s.example' }));
    expect(parseConfig({ ICE_SERVERS }).ICE_SERVERS).toHaveLength(32);
    const both = { ICE_SERVERS, TURN_URLS: 'turn:t.example', TURN_SECRET: secret };
    expect(refusal(both)).toMatchObject({ variable: 'ICE_SERVERS' });
    expect(refusal(both).message).toContain('at most 31 servers');
    const many = JSON.stringify(Array(33).fill({ urls: 'stun:s.example' }));
    expect(refusal({ ICE_SERVERS: many }).message).toContain('at most 32 servers');
  });
});

test('the same port twice is refused', () => {
  expect(refusal({ WS_PORT: '9000', HEALTH_PORT: '9000' }).variable).toBe('HEALTH_PORT');
});

describe('the bus', () => {
  test.each([
    ['http://127.0.0.1'],
    ['127.0.0.1:6379'],
    ['redis://'],
    ['redis://:hush-hush@a,rediss://:hush-hush@b'],
  ])('REDIS_URL=%s is refused and not shown', (value) => {
    const error = refusal({ REDIS_URL: value });
    expect(error.variable).toBe('REDIS_URL');
    expect(error.message).toContain('(not shown)');
    expect(error.message).not.toContain('hush-hush');
  });

  test('an empty REDIS_URL chooses the embedded bus, in production too', () => {
    expect(parseConfig({ NODE_ENV: 'production', REDIS_URL: '' }).REDIS_URL).toEqual([]);
    expect(parseConfig({ NODE_ENV: 'test' }).REDIS_URL).toEqual([]);
  });

  test('unset it means the local Redis in production', () => {
    expect(parseConfig({ NODE_ENV: 'production' }).REDIS_URL).toEqual(['redis://127.0.0.1:6379']);
  });

  test('servers of a cluster come with commas between', () => {
    const urls = ['rediss://user:pass@a.example:7000', 'rediss://b.example'];
    expect(parseConfig({ REDIS_URL: urls.join(', ') }).REDIS_URL).toEqual(urls);
  });

  test('a lease that one slow answer could end is refused', () => {
    const error = refusal({ REDIS_LEASE_MS: '2000', REDIS_TIMEOUT_MS: '1000' });
    expect(error.message).toContain('at least three times REDIS_TIMEOUT_MS (1000)');
  });
});

describe('tracing', () => {
  test('names and headers come with commas between, percent-encoded', () => {
    const config = parseConfig({
      OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20abc, x=1,empty=',
      OTEL_TRACES_SAMPLER_ARG: '.25',
      TRACE_RELAY_RATIO: '1',
    });
    expect(config.OTEL_EXPORTER_OTLP_HEADERS).toEqual({
      authorization: 'Bearer abc',
      x: '1',
      empty: '',
    });
    expect(config.OTEL_TRACES_SAMPLER_ARG).toBe(0.25);
    expect(config.TRACE_RELAY_RATIO).toBe(1);
  });

  test.each([
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'collector:4318'],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'ftp://collector'],
    ['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'https://user:pass@collector/'],
    ['OTEL_EXPORTER_OTLP_PROTOCOL', 'grpc'],
    ['OTEL_EXPORTER_OTLP_HEADERS', 'no-value'],
    ['OTEL_EXPORTER_OTLP_HEADERS', 'a=%zz'],
    ['OTEL_EXPORTER_OTLP_HEADERS', 'a=x%0d%0ay'],
    ['OTEL_TRACES_SAMPLER', 'sometimes'],
    ['OTEL_TRACES_SAMPLER_ARG', '1.5'],
    ['OTEL_TRACES_SAMPLER_ARG', '-1'],
    ['TRACE_RELAY_RATIO', 'half'],
  ])('%s=%s is refused', (name, value) => {
    const error = refusal({ [name]: value });
    expect(error.variable).toBe(name);
    if (name === 'OTEL_EXPORTER_OTLP_HEADERS') expect(error.message).not.toContain(value);
  });
});

describe('the documentation of the environment', () => {
  test('.env.example is what the schema says, and can be read back', () => {
    const example = readFileSync(ENV_EXAMPLE, 'utf8');
    expect(example).toBe(envExample());
    const lines = example.split('\n').filter((line) => /^[A-Z]/.test(line));
    const environment = Object.fromEntries(lines.map((line) => line.split(/=(.*)/s).slice(0, 2)));
    expect(Object.keys(environment)).toEqual(VARIABLES);
    expect(JSON.stringify(parseConfig(environment))).toBe(JSON.stringify(parseConfig({})));
  });

  test('docs/signaling.md has the table of the schema', () => {
    const manual = readFileSync(MANUAL, 'utf8');
    expect(withEnvTable(manual)).toBe(manual);
    for (const name of VARIABLES) expect(manual).toContain(`| \`${name}\` |`);
  });

  test('every default is a value that is allowed', () => {
    for (const name of VARIABLES) {
      expect(() => parseConfig({ [name]: describeVariable(name).fallback })).not.toThrow();
    }
  });
});

function refusal(environment: Record<string, string>): ConfigError {
  try {
    parseConfig(environment);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('not refused');
}
