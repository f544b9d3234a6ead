import { readFileSync } from 'node:fs';
import type { Authenticator } from './auth/authenticator.ts';
import { KeyFileError, createAuthenticator, type AuthParts } from './auth/create-authenticator.ts';
import type { Bus } from './bus/bus.ts';
import { createBus } from './bus/create-bus.ts';
import { systemClock, type Clock } from './base/clock.ts';
import { refuse, type Config } from './config/config.ts';
import { drain } from './door/drain.ts';
import { Gateway } from './door/gateway.ts';
import { HealthServer } from './health.ts';
import { Heartbeat } from './socket/heartbeat.ts';
import { Gcra, type Rate } from './limits/limiter.ts';
import { Limits } from './limits/limits.ts';
import type { Logger } from './base/log.ts';
import { Metrics } from './metrics/metrics.ts';
import { systemRandom, type Random } from './base/random.ts';
import { FrontServer } from './door/server.ts';
import type { SessionContext } from './session/session.ts';
import { StaticFiles } from './door/static-files.ts';
import { Tracing } from './tracing/tracing.ts';
import { createIceServers } from './turn/create-ice-servers.ts';
import type { IceServers } from './turn/ice-servers.ts';
import { TurnMetrics } from './turn/turn-metrics.ts';

export interface ServiceOptions {
  readonly config: Config;
  readonly log: Logger;
  readonly nodeId: string;
  readonly version: string;
  readonly clock?: Clock;
  readonly random?: Random;
  /** Where rooms live; by default where the configuration says. The service closes it. */
  readonly bus?: Bus;
  /** Metrics of the process too: once per process. */
  readonly processMetrics?: boolean;
}

/** How long a stop waits for the collector of traces at most, and if the deadline has passed. */
const FLUSH_MS = { most: 1000, least: 100 };

const SPARE_TCP = 1000; // Handshakes and pages.

/** The whole service: builds, listens, drains, and closes in reverse. */
export class Service {
  readonly #options: ServiceOptions;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #bus: Bus;
  readonly #heartbeat: Heartbeat;
  readonly #iceServers: IceServers;
  readonly #gateway: Gateway;
  readonly #health: HealthServer;
  readonly #metrics: Metrics;
  readonly #tracing: Tracing;
  readonly #listeningLines = new Gcra({ limit: 10, periodMs: 60_000 });
  #front: FrontServer | undefined;
  #draining = false;
  #closing: Promise<void> | undefined;
  #flushMs = FLUSH_MS.most;
  /** Bound ports, once started. */
  port = 0;
  healthPort = 0;

  /** @throws {ConfigError} for a key that tokens cannot be checked with. */
  constructor(options: ServiceOptions) {
    const { config, log, nodeId } = options;
    this.#options = options;
    const clock = (this.#clock = options.clock ?? systemClock);
    const random = (this.#random = options.random ?? systemRandom);
    const isDraining = () => this.#draining;
    const version = options.version.replace(/^.*\//, '');
    const metrics = (this.#metrics = new Metrics(
      {
        build: { version, node: nodeId },
        maximum: { connections: config.MAX_CONNECTIONS, pending: config.MAX_PENDING_CONNECTIONS },
        connections: () => this.#gateway.open,
        pending: () => this.#gateway.pending,
        tcp: () => this.#front?.tcp ?? 0,
        unsent: () => this.#gateway.unsent,
        unfinished: () => this.#gateway.unfinished,
        ready: () => this.ready,
        rooms: () => this.#bus.counts(),
        draining: isDraining,
      },
      options.processMetrics ?? false,
    ));
    const auth = authenticator(config, { clock, log, metrics });
    const tracing = (this.#tracing = new Tracing({
      config,
      clock,
      random,
      nodeId,
      version,
      metrics,
    }));
    this.#bus = options.bus ?? createBus({ config, nodeId, clock, random, log, metrics, tracing });
    this.#heartbeat = new Heartbeat({
      clock,
      intervalMs: config.HEARTBEAT_INTERVAL_MS,
      timeoutMs: config.HEARTBEAT_TIMEOUT_MS,
    });
    const { ledger } = this.#bus;
    const limits = new Limits({ config, ledger, clock, registry: metrics.registry });
    this.#iceServers = createIceServers(config, {
      ...{ bus: this.#bus, clock, random, limiter: limits.turn },
      metrics: new TurnMetrics(metrics.registry),
    });
    const context: SessionContext = {
      settings: sessionSettings(config, options.version),
      bus: this.#bus,
      clock,
      random,
      log,
      metrics,
      iceServers: this.#iceServers,
      auth,
      ipLimiter: limits.ip,
      roomLimiter: limits.room,
      guesses: limits.guesses,
      isDraining,
    };
    this.#gateway = new Gateway({
      ...{ context, tracing, rules: config },
      heartbeat: this.#heartbeat,
      connectLimiter: limits.connects,
      maxConnections: config.MAX_CONNECTIONS,
      maxPerAddress: config.MAX_CONNECTIONS_PER_IP,
      maxPending: config.MAX_PENDING_CONNECTIONS,
      maxBufferedBytes: config.BACKPRESSURE_CLOSE_THRESHOLD_BYTES,
      maxUnsentBytes: config.BACKPRESSURE_TOTAL_BYTES,
      maxUnfinishedBytes: config.UNFINISHED_TOTAL_BYTES,
      maxMessageBytes: config.MESSAGE_MAX_BYTES,
    });
    this.#bus.listen(this.#gateway);
    this.#health = new HealthServer({
      host: config.HEALTH_HOST === '' ? config.HOST : config.HEALTH_HOST,
      hostVariable: config.HEALTH_HOST === '' ? 'HOST' : 'HEALTH_HOST',
      port: config.HEALTH_PORT,
      registry: metrics.registry,
      busHealth: () => this.#bus.health(),
      requestTimeoutMs: config.HANDSHAKE_TIMEOUT_MS,
      isDraining,
      onError: this.#listeningFailed,
    });
  }

  /** A flood that takes all files must not write one line for each connection. */
  readonly #listeningFailed = (err: Error): void => {
    if (this.#listeningLines.take(this.#clock.now()) > 0) return;
    this.#options.log.error({ err }, 'a connection could not be taken');
  };

  /** Where rooms live: `memory` or `redis`. */
  get bus(): string {
    return this.#bus.kind;
  }

  /** Whether new clients are served. */
  get ready(): boolean {
    return !this.#draining && this.#bus.health().ready;
  }

  /** Every socket that is open, however it got in. */
  get sockets(): Gateway['sockets'] {
    return this.#gateway.sockets;
  }

  /** Where a browser on this machine finds the service. */
  get url(): string {
    const { HOST, TLS_CERT_FILE } = this.#options.config;
    const everywhere = HOST === '' || HOST === '0.0.0.0' || HOST === '::';
    const host = everywhere ? 'localhost' : HOST.includes(':') ? `[${HOST}]` : HOST;
    return `${TLS_CERT_FILE === '' ? 'http' : 'https'}://${host}:${this.port}`;
  }

  /**
   * Listens. What a failed start had opened is closed again.
   * @throws {ConfigError} for a folder, certificate or key that cannot be used.
   * @throws {ListenError} for a port that cannot be had.
   */
  async start(): Promise<void> {
    try {
      this.#front = await this.#buildFront();
      await this.#tracing.open();
      await this.#bus.start();
      // The probes first: no client is let in by a service that cannot be watched.
      this.healthPort = await this.#health.listen();
      this.port = await this.#front.listen();
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  /** Sends every client away within DRAIN_MS, then closes. */
  async drain(): Promise<void> {
    this.#draining = true;
    const deadlineMs = this.#options.config.DRAIN_MS;
    const started = this.#clock.now();
    const { original, v2 } = this.#gateway.open;
    const span = this.#tracing.start('drain', { attributes: { connections: original + v2 } });
    this.#front?.stopListening();
    await drain({
      gateway: this.#gateway,
      clock: this.#clock,
      random: this.#random,
      deadlineMs,
    });
    span.end({ left: this.#gateway.sockets.size });
    this.#flushMs = Math.min(FLUSH_MS.most, deadlineMs - (this.#clock.now() - started));
    await this.close();
  }

  /** At once. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#draining = true;
    this.#front?.close();
    for (const socket of this.#gateway.sockets) socket.terminate();
    this.#heartbeat.close();
    this.#iceServers.close();
    await this.#bus.close();
    await this.#tracing.close(Math.max(FLUSH_MS.least, this.#flushMs));
    await this.#health.close();
  }

  async #buildFront(): Promise<FrontServer> {
    const { config } = this.#options;
    const { STATIC_DIR, TLS_CERT_FILE, TLS_KEY_FILE } = config;
    const { BASE_PATH: basePath, FRAME_ANCESTORS: frameAncestors } = config;
    const files =
      STATIC_DIR === ''
        ? undefined
        : await StaticFiles.open(STATIC_DIR, { basePath, frameAncestors }).catch(() => {
            throw refuse('STATIC_DIR', STATIC_DIR);
          });
    const tls =
      TLS_CERT_FILE === ''
        ? undefined
        : {
            cert: readPem('TLS_CERT_FILE', TLS_CERT_FILE),
            key: readPem('TLS_KEY_FILE', TLS_KEY_FILE),
          };
    try {
      return new FrontServer({
        host: config.HOST,
        port: config.WS_PORT,
        tls,
        files,
        gateway: this.#gateway,
        trustedProxies: config.TRUSTED_PROXIES,
        subprotocol: config.SUBPROTOCOL,
        maxMessageBytes: config.MESSAGE_MAX_BYTES,
        handshakeTimeoutMs: config.HANDSHAKE_TIMEOUT_MS,
        maxTcp: config.MAX_CONNECTIONS + config.MAX_PENDING_CONNECTIONS + SPARE_TCP,
        // Twice: the WebSocket over the bound is told so, and pages need some too.
        maxTcpPerAddress: config.MAX_CONNECTIONS_PER_IP * 2,
        metrics: this.#metrics,
        isDraining: () => this.#draining,
        onError: this.#listeningFailed,
      });
    } catch (error) {
      if (tls === undefined) throw error;
      throw refuse(
        'TLS_KEY_FILE',
        TLS_KEY_FILE,
        'the PEM key of the first certificate in TLS_CERT_FILE',
      );
    }
  }
}

function authenticator(config: Config, parts: AuthParts): Authenticator | undefined {
  try {
    return createAuthenticator(config, parts);
  } catch (error) {
    if (!(error instanceof KeyFileError)) throw error;
    const value = config[error.variable];
    throw refuse(
      error.variable,
      typeof value === 'string' ? value : value.join(','),
      error.message,
    );
  }
}

function readPem(name: 'TLS_CERT_FILE' | 'TLS_KEY_FILE', path: string): Buffer {
  try {
    return readFileSync(path);
  } catch {
    throw refuse(name, path, 'a PEM file that this process may read');
  }
}

function per10s(limit: number): Rate {
  return { limit, periodMs: 10_000 };
}

function sessionSettings(config: Config, server: string) {
  return {
    server,
    heartbeatMs: config.HEARTBEAT_INTERVAL_MS,
    detachMs: config.DETACH_MS,
    joinTimeoutMs: config.HANDSHAKE_TIMEOUT_MS,
    maxMembers: config.ROOM_MAX_MEMBERS,
    messageBytes: config.MESSAGE_MAX_BYTES,
    messageRate: per10s(config.RATE_LIMIT_MESSAGES_PER_10S),
    byteRate: per10s(config.RATE_LIMIT_BYTES_PER_10S),
    relayTraceRatio: config.TRACE_RELAY_RATIO,
  };
}
