import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Registry } from 'prom-client';
import type { BusHealth } from './bus/bus.ts';
import { listen } from './base/listening.ts';

export interface HealthOptions {
  readonly host: string;
  readonly port: number;
  readonly hostVariable: string;
  readonly registry: Registry;
  readonly busHealth: () => BusHealth;
  readonly isDraining: () => boolean;
  readonly onError: (error: Error) => void;
  /** For the headers of a request. */
  readonly requestTimeoutMs: number;
}

/** Probes and scrapers are few. */
const MAX_CONNECTIONS = 256;

/**
 * /healthz: the process answers. /readyz: it takes new clients, of every room. /servez: it serves
 * what it can, which without Redis are the pages, the rooms that live on this node, and new members
 * of these; a proxy that has nobody better sends clients there. /metrics: for Prometheus.
 */
export class HealthServer {
  readonly #options: HealthOptions;
  readonly #server: Server;

  constructor(options: HealthOptions) {
    this.#options = options;
    const timeouts = {
      headersTimeout: options.requestTimeoutMs,
      requestTimeout: options.requestTimeoutMs,
      connectionsCheckingInterval: Math.min(1000, options.requestTimeoutMs / 2),
    };
    this.#server = createServer(timeouts, (request, response) => {
      this.#answer(request, response).catch(() => {
        if (!response.headersSent) send(response, 500, 'text/plain', 'Internal error\n');
        else response.destroy();
      });
    });
    this.#server.maxConnections = MAX_CONNECTIONS;
  }

  /** Resolves with the bound port. */
  listen(): Promise<number> {
    const { host, port, hostVariable, onError } = this.#options;
    const variables = { host: hostVariable, port: 'HEALTH_PORT' };
    return listen({ server: this.#server, host, port, variables, onError });
  }

  /** Idempotent. */
  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => {
        resolve();
      });
    });
    this.#server.closeAllConnections();
    await closed;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      send(response, 405, 'text/plain', 'GET only\n');
      return;
    }
    const { registry, busHealth, isDraining } = this.#options;
    switch (request.url?.split('?')[0]) {
      case '/healthz':
        sendJson(response, 200, { status: 'ok' });
        return;
      case '/readyz': {
        const bus = busHealth();
        const draining = isDraining();
        const ready = bus.ready && !draining;
        const status = draining ? 'draining' : bus.ready ? 'ready' : 'not ready';
        sendJson(response, ready ? 200 : 503, { status, bus: bus.detail });
        return;
      }
      case '/servez': {
        const draining = isDraining();
        const status = draining ? 'draining' : busHealth().ready ? 'all' : 'what is here';
        sendJson(response, draining ? 503 : 200, { status });
        return;
      }
      case '/metrics':
        send(response, 200, registry.contentType, await registry.metrics());
        return;
      default:
        send(response, 404, 'text/plain', '/healthz, /readyz, /servez or /metrics\n');
    }
  }
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  send(response, status, 'application/json', `${JSON.stringify(body)}\n`);
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { 'Content-Type': type, 'Cache-Control': 'no-store' });
  response.end(body);
}
