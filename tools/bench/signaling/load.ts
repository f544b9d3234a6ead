/* The process that makes the load: a child of the bench, on a core of its own where that can be. */
import { percentile } from '@peerdeck/harness/statistics';
import { delay } from '@peerdeck/harness/wait';
import { cpuMs } from '../cpu.ts';
import { dialects, type Side } from './dialects.ts';
import { clientFrame } from './frames.ts';
import type { Answer, Connected, Relayed, Request, Where } from './protocol.ts';
import { WireClient } from './wire-client.ts';

/** A connection that is not in by then is an error. */
const CONNECT_TIMEOUT_MS = 20_000;

interface Room {
  readonly number: number;
  first: WireClient | undefined;
  second: WireClient | undefined;
  /** What `first` does with a frame once both are in. */
  received: () => void;
}

const rooms: Room[] = [];
let errors: Record<string, number> = {};

function fault(reason: string): void {
  errors[reason] = (errors[reason] ?? 0) + 1;
}

function open(where: Where, room: Room, side: Side): Promise<WireClient | undefined> {
  const dialect = dialects[where.dialect];
  return new Promise((resolve) => {
    let inside = false;
    const done = (reason?: string) => {
      clearTimeout(timer);
      if (reason !== undefined) fault(reason);
      inside = true;
      resolve(reason === undefined ? client : undefined);
    };
    const timer = setTimeout(() => done('no answer'), CONNECT_TIMEOUT_MS);
    const client: WireClient = new WireClient({
      port: where.ports[side === 'first' ? 0 : 1],
      path: dialect.path(room.number, side),
      headers: dialect.headers,
      localAddress: `127.0.0.${1 + (room.number % 16)}`,
      open: () => {
        if (dialect.implicit) done();
      },
      text: (payload) => {
        if (inside) {
          if (side === 'first') room.received();
          return;
        }
        const next = dialect.greet(payload.toString(), room.number, side);
        if (next === 'in') done();
        else if (next !== 'wait') client.write(clientFrame(Buffer.from(next.say)));
      },
      ended: (reason) => {
        if (reason === undefined) return;
        if (inside) fault(reason);
        else done(reason);
      },
    });
  });
}

async function openRoom(where: Where, number: number): Promise<Room> {
  const room: Room = { number, first: undefined, second: undefined, received: () => {} };
  // the host first: a viewer may enter before it, but in life it rarely does
  room.first = await open(where, room, 'first');
  room.second = await open(where, room, 'second');
  return room;
}

/** `work` for 0 to `count` - 1, so many at a time. */
async function lanes(count: number, width: number, work: (index: number) => Promise<void>) {
  let next = 0;
  const lane = async () => {
    for (let index = next++; index < count; index = next++) await work(index);
  };
  await Promise.all(Array.from({ length: Math.min(width, count) }, lane));
}

async function connect(request: Extract<Request, { type: 'connect' }>): Promise<Connected> {
  errors = {};
  const started = performance.now();
  await lanes(request.rooms, request.concurrency, async (index) => {
    rooms.push(await openRoom(request, request.firstRoom + index));
  });
  const seconds = (performance.now() - started) / 1000;
  return { connections: request.rooms * 2, seconds, errors };
}

async function churn(request: Extract<Request, { type: 'churn' }>): Promise<Connected> {
  errors = {};
  const started = performance.now();
  await lanes(request.pairs, request.concurrency, async (index) => {
    const { first, second } = await openRoom(request, index);
    first?.close();
    second?.close();
  });
  const seconds = (performance.now() - started) / 1000;
  return { connections: request.pairs * 2, seconds, errors };
}

/** Takes the figures of the time between `begin` and `end`. */
function meter(pids: readonly number[]) {
  let from = { at: 0, cpu: [] as number[], own: 0, received: 0 };
  const now = (received: number) => ({
    at: performance.now(),
    cpu: pids.map((pid) => cpuMs([pid])),
    own: cpuMs([process.pid]),
    received,
  });
  return {
    begin: (received: number) => {
      from = now(received);
    },
    end: (received: number, latencies: readonly number[]): Relayed => {
      const to = now(received);
      return {
        total: 0,
        received: to.received - from.received,
        seconds: (to.at - from.at) / 1000,
        cpuMs: to.cpu.map((ms, index) => ms - (from.cpu[index] ?? 0)),
        loadCpuMs: to.own - from.own,
        p50: percentile(latencies, 0.5),
        p99: percentile(latencies, 0.99),
        errors,
      };
    },
  };
}

async function saturate(request: Extract<Request, { type: 'saturate' }>): Promise<Relayed> {
  errors = {};
  const { inFlight, warmUpMs, seconds, bytes, pids } = request;
  let received = 0;
  let sent = 0;
  let going = true;
  for (const room of rooms) {
    const frame = clientFrame(Buffer.from(dialects[request.dialect].message(room.number, bytes)));
    room.received = () => {
      received += 1;
      if (!going) return;
      sent += 1;
      room.second?.write(frame);
    };
    const burst = Buffer.concat(Array.from({ length: inFlight }, () => frame));
    sent += inFlight;
    room.second?.write(burst);
  }
  // Awake all the time: to wake a reader costs its writer more than the write, and a server that is
  // slower would pay that more often.
  const poll = () => {
    if (going) setImmediate(poll);
  };
  poll();
  const measured = meter(pids);
  await delay(warmUpMs);
  measured.begin(received);
  await delay(seconds * 1000);
  const result = measured.end(received, []);
  going = false;
  await settled(() => received === sent);
  if (received < sent) fault('messages lost');
  return { ...result, total: sent, errors };
}

async function pace(request: Extract<Request, { type: 'pace' }>): Promise<Relayed> {
  errors = {};
  const { perSecond, warmUpMs, seconds, bytes, pids } = request;
  let received = 0;
  let sent = 0;
  let latencies: number[] = [];
  const lines = rooms.map((room) => {
    const frame = clientFrame(Buffer.from(dialects[request.dialect].message(room.number, bytes)));
    const times: number[] = [];
    room.received = () => {
      received += 1;
      latencies.push(performance.now() - (times.shift() ?? Number.NaN));
    };
    return () => {
      sent += 1;
      times.push(performance.now());
      room.second?.write(frame);
    };
  });
  const measured = meter(pids);
  const started = performance.now();
  const end = started + warmUpMs + seconds * 1000;
  let begun = false;
  for (let now = started; now < end; now = performance.now()) {
    if (!begun && now - started >= warmUpMs) {
      begun = true;
      latencies = [];
      measured.begin(received);
    }
    const due = Math.floor(((now - started) * perSecond) / 1000);
    while (sent < due) lines[sent % lines.length]?.();
    await delay(1);
  }
  const result = measured.end(received, latencies);
  await settled(() => received === sent);
  if (received < sent) fault('messages lost');
  return { ...result, total: sent, errors };
}

/** What is under way arrives, or a second has passed without. */
async function settled(done: () => boolean): Promise<void> {
  const deadline = performance.now() + 1000;
  while (!done() && performance.now() < deadline) await delay(10);
}

function disconnect(): Connected {
  errors = {};
  for (const { first, second } of rooms.splice(0)) {
    first?.destroy();
    second?.destroy();
  }
  return { connections: 0, seconds: 0, errors };
}

function handle(request: Request): Promise<Answer> | Answer {
  switch (request.type) {
    case 'connect':
      return connect(request);
    case 'saturate':
      return saturate(request);
    case 'pace':
      return pace(request);
    case 'churn':
      return churn(request);
    case 'disconnect':
      return disconnect();
  }
}

process.on('message', (request: Request) => {
  void Promise.resolve(handle(request)).then((answer) => process.send?.(answer));
});
process.once('disconnect', () => process.exit(0));
process.send?.({ type: 'ready' });
