import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { hostname } from 'node:os';
import { fileURLToPath } from 'node:url';
import { ConfigError, EXIT_CONFIG, parseConfig, type Config } from './config/config.ts';
import { ListenError } from './base/listening.ts';
import { createLogger, type Logger } from './base/log.ts';
import { Service } from './service.ts';

/** The service as a process: configuration from the environment and .env, signals, exit codes. */
export async function main(): Promise<void> {
  try {
    if (existsSync('.env')) process.loadEnvFile('.env');
    await run(parseConfig(process.env));
  } catch (error) {
    const known = error instanceof ConfigError || error instanceof ListenError;
    process.stderr.write(`signaling: ${known ? error.message : describe(error)}\n`);
    process.exit(error instanceof ConfigError ? EXIT_CONFIG : 1);
  }
}

async function run(config: Config): Promise<void> {
  const nodeId = `${hostname()}-${randomBytes(4).toString('hex')}`;
  const log = createLogger({ level: config.LOG_LEVEL, pretty: config.PRETTY_LOGS, nodeId });
  const service = new Service({
    config,
    log,
    nodeId,
    version: `peerdeck-signaling/${version()}`,
    processMetrics: true,
  });
  // Before the start, which may wait for Redis: as the first process of a container nothing else ends it.
  stopOnSignals(service, log);
  await service.start();
  const { port, healthPort, url } = service;
  log.info({ port, healthPort, address: url, bus: service.bus }, 'ready');
  if (config.NODE_ENV === 'production' && !config.REQUIRE_WSS && config.TLS_CERT_FILE === '') {
    log.warn('plain ws is accepted: set REQUIRE_WSS, or TLS_CERT_FILE and TLS_KEY_FILE');
  }
  if (
    !config.ENABLE_AUTH &&
    (config.JWT_SECRET || config.JWT_PUBLIC_KEY_FILE || config.JWT_JWKS_URL)
  ) {
    log.warn('everybody may enter: a key for tokens is configured, but ENABLE_AUTH is false');
  }
  if (config.TURN_SECRET !== '' && config.TURN_URLS.length === 0) {
    log.warn('nobody gets a relay: TURN_SECRET is set, but TURN_URLS is empty');
  }
  process.send?.({ type: 'ready', port, healthPort, url });
}

/**
 * The first signal drains; more of them change nothing, since the drain has a deadline. (Ctrl-C
 * reaches this process from the terminal, and again from a supervisor that passes it on.)
 */
function stopOnSignals(service: Service, log: Logger): void {
  let stopping = false;
  const stop = (reason: string) => {
    if (stopping) return;
    stopping = true;
    log.info({ reason }, 'draining');
    service.drain().then(
      () => {
        log.info('closed');
        process.exit(0);
      },
      (error: unknown) => {
        log.error({ err: error }, 'drain failed');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  // A supervisor that is gone without a signal leaves nothing behind.
  process.once('disconnect', () => {
    stop('supervisor gone');
  });
}

function version(): string {
  const file = new URL('../package.json', import.meta.url);
  const { version } = JSON.parse(readFileSync(file, 'utf8')) as { version: string };
  return version;
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

const entry = process.argv[1];
if (entry !== undefined && realpathSync(entry) === fileURLToPath(import.meta.url)) await main();
