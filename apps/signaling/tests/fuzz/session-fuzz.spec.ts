import {
  parseClientMessage,
  parseOriginalClientMessage,
  parseServerMessage,
} from '@peerdeck/protocol';
import fc from 'fast-check';
import { Registry } from 'prom-client';
import { MemoryBus } from '../../src/bus/memory.ts';
import { parseConfig } from '../../src/config/config.ts';
import { Gateway } from '../../src/door/gateway.ts';
import { Heartbeat } from '../../src/socket/heartbeat.ts';
import { KeyedLimiter } from '../../src/limits/limiter.ts';
import { Guesses } from '../../src/limits/guesses.ts';
import { createLogger } from '../../src/base/log.ts';
import type { Metrics } from '../../src/metrics/metrics.ts';
import { systemRandom } from '../../src/base/random.ts';
import type { SessionContext } from '../../src/session/session.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import { MemorySocket, request } from '../../src/testing/memory-socket.ts';
import { IceServers } from '../../src/turn/ice-servers.ts';
import { Tracing } from '../../src/tracing/tracing.ts';
import { TurnMetrics } from '../../src/turn/turn-metrics.ts';
import { FUZZ_ROOMS, VALID_ORIGINAL, VALID_V2, nearValid } from '../../src/testing/near-valid.ts';

/*
 * Everything behind a socket, in this process: gateway, connection, session, bus and rooms, fed by
 * several clients at once with texts that are almost messages.
 */

const CASES = 100_000;
const CLIENTS = 4;

const OFF = { limit: 0, periodMs: 10_000 };
const settings = {
  server: 'fuzz/1',
  heartbeatMs: 10_000,
  detachMs: 10_000,
  joinTimeoutMs: 600_000,
  maxMembers: 3,
  messageBytes: 262_144,
  messageRate: OFF,
  byteRate: OFF,
  relayTraceRatio: 0,
};

/** Counts by name of method: what a registry would do takes longer than the rest. */
class Tally {
  readonly counts = new Map<string, number>();
  readonly metrics = new Proxy({} as Metrics, {
    get: (_target, name) => () => {
      this.counts.set(String(name), this.of(String(name)) + 1);
    },
  });

  of(name: string): number {
    return this.counts.get(name) ?? 0;
  }
}

function build() {
  const clock = new ManualClock();
  const faults: string[] = [];
  const tally = new Tally();
  const bus = new MemoryBus({
    nodeId: 'fuzz',
    clock,
    limits: { originalCapacity: CLIENTS - 1, maxMembers: settings.maxMembers },
    detachMs: settings.detachMs,
    emptyRoomMs: 1000,
    maxEmptyRooms: 100,
  });
  const destination = { write: (line: string) => void faults.push(line) };
  const off = new KeyedLimiter({ ...OFF, maxKeys: 10 });
  const turnMetrics = new TurnMetrics(new Registry());
  const parts = { bus, clock, random: systemRandom, limiter: off, metrics: turnMetrics };
  const iceServers = new IceServers({ fixed: [], turn: undefined, ttlS: 3600, ...parts });
  const context: SessionContext = {
    settings,
    bus,
    clock,
    random: systemRandom,
    log: createLogger({ level: 'error', pretty: false, nodeId: 'fuzz', destination }),
    metrics: tally.metrics,
    iceServers,
    auth: undefined,
    ipLimiter: off,
    roomLimiter: off,
    guesses: new Guesses({ limiter: off, maxAddresses: 10, maxRooms: 10 }),
    isDraining: () => false,
  };
  const heartbeat = new Heartbeat({ clock, intervalMs: 1e9, timeoutMs: 2e9 });
  const tracing = new Tracing({
    config: parseConfig({}),
    clock,
    random: systemRandom,
    nodeId: 'fuzz',
    version: '0',
    metrics: tally.metrics,
  });
  const gateway = new Gateway({
    tracing,
    context,
    rules: { REQUIRE_WSS: false, ALLOWED_ORIGINS: [], SUBPROTOCOL: '' },
    heartbeat,
    connectLimiter: off,
    maxConnections: 1000,
    maxPerAddress: 0,
    maxPending: 1000,
    maxBufferedBytes: 1e9,
    maxUnsentBytes: 1e9,
    maxUnfinishedBytes: 1e9,
    maxMessageBytes: 262_144,
  });
  bus.listen(gateway);
  const open = (version: 'original' | 'v2') => {
    const socket = new MemorySocket();
    const asked = { 'sec-websocket-protocol': 'peerdeck.v2' };
    gateway.accept(
      socket.asWebSocket(),
      version === 'v2'
        ? request('/', socket.transport, asked)
        : request('/?roomId=fuzz', socket.transport),
      { ip: '203.0.113.1', secure: true },
    );
    return socket;
  };
  return { clock, faults, tally, bus, gateway, heartbeat, iceServers, open };
}

test.each([
  ['v2' as const, VALID_V2, parseClientMessage],
  ['original' as const, VALID_ORIGINAL, parseOriginalClientMessage],
])(
  `${CASES / 2} messages of %s clients: each is taken or refused, and nothing fails`,
  async (version, valid, parse) => {
    const { clock, faults, tally, gateway, heartbeat, iceServers, open, bus } = build();
    const clients = Array.from({ length: CLIENTS }, () => open(version));
    // One more than an original room takes: the last is turned away before it is looked at.
    await turns();
    let handled = 0;
    const text = fc.oneof(
      { arbitrary: nearValid(valid), weight: 20 },
      // Members come and go, or all cases would meet the same few states.
      { arbitrary: fc.constantFrom(...valid.map((message) => JSON.stringify(message))), weight: 5 },
    );
    const batch = fc.array(fc.tuple(fc.nat(CLIENTS - 1), text, fc.nat(60)), {
      minLength: 20,
      maxLength: 20,
    });
    await fc.assert(
      fc.asyncProperty(batch, async (steps) => {
        for (const [index, frame, fate] of steps) {
          // A viewer that makes no offer in time is gone with it.
          clock.advance(1000);
          let client = clients[index];
          if (client === undefined || client.readyState !== 1) {
            client = clients[index] = open(version);
            await turns();
          }
          // The room is full.
          if (client.readyState !== 1) continue;
          handled += 1;
          const [received, refused] = [tally.of('received'), tally.of('refused')];
          client.sent.length = 0;
          client.receive(frame);
          await turns();
          const took = tally.of('received') - received;
          const left = tally.of('refused') - refused;
          const parsed = parse(Buffer.from(frame).toString());
          if (took !== (parsed.ok ? 1 : 0)) throw new Error(`taken ${took} times`);
          if (!parsed.ok && left !== 1) throw new Error(`refused ${left} times`);
          for (const other of clients) check(other, version);
          if (fate === 0) client.terminate();
          else if (fate === 1) client.close(1000);
        }
        if (faults.length > 0) throw new Error(faults.join(''));
      }),
      { numRuns: CASES / 2 / 20 },
    );
    expect(handled).toBeGreaterThan(CASES / 4);
    for (const client of clients) client.close(1000);
    await turns();
    clock.advance(60_000);
    expect(gateway.open).toEqual({ original: 0, v2: 0 });
    expect(gateway.pending).toBe(0);
    expect(gateway.sockets.size).toBe(0);
    expect(bus.counts().members).toEqual({ connected: 0, detached: 0 });
    expect(bus.counts().rooms).toEqual({ original: 0, v2: 0 });
    expect(FUZZ_ROOMS.map((room) => bus.room(room))).toEqual([undefined, undefined]);
    heartbeat.close();
    iceServers.close();
    expect(clock.pending).toBe(0);
  },
  180_000,
);

/** What the service said is what its clients can read. */
function check(client: MemorySocket, version: 'original' | 'v2'): void {
  for (const frame of client.sent) {
    if (version === 'v2' && !parseServerMessage(frame).ok) throw new Error(`sent ${frame}`);
  }
  client.sent.length = 0;
}

/** A join takes some turns of promises, and no time. */
async function turns(): Promise<void> {
  for (let count = 0; count < 6; count += 1) await undefined;
}
