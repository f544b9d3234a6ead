import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { roomTag } from '../base/log.ts';
import { Collector, type CollectedSpan } from '../testing/collector.ts';
import { roomId, startService, until, type TestService } from '../testing/harness.ts';
import { Peer } from '../testing/peer.ts';
import { RedisServer } from '@peerdeck/harness/redis-server';

/*
 * Traces as a collector gets them, of real nodes with a real Redis between them.
 */

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';

let collector: Collector;
let redis: RedisServer | undefined;
let nodes: TestService[] = [];

beforeEach(async () => {
  collector = await Collector.start();
});
afterEach(async () => {
  await Promise.all(nodes.map((node) => node.close()));
  await redis?.close();
  await collector.close();
  nodes = [];
  redis = undefined;
});

async function node(nodeId: string, env: Record<string, string> = {}): Promise<TestService> {
  const made = await startService(
    {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_BSP_SCHEDULE_DELAY: '20',
      OTEL_EXPORTER_OTLP_TIMEOUT: '2000',
      ...env,
    },
    { nodeId },
  );
  nodes.push(made);
  await until(() => made.service.ready);
  return made;
}

test('a join across two nodes is one trace, with its time in Redis', async () => {
  redis = await RedisServer.start();
  const env = { REDIS_URL: redis.url, OTEL_EXPORTER_OTLP_HEADERS: 'x-key=%C3%A4%20secret' };
  const [a, b] = [await node('a', env), await node('b', env)];
  const host = await a.v2();
  await host.join(roomId(1), 'host');
  const viewer = await b.v2();
  await viewer.join(roomId(1), 'viewer');
  await host.next('member-joined');
  const join = await span(({ name, node }) => name === 'join' && node === 'b');
  const notice = await span(({ name, node }) => name === 'notice' && node === 'a');
  const script = await span(({ name, parentSpanId }) => {
    return name === 'redis' && parentSpanId === join.spanId;
  });
  expect(notice.traceId).toBe(join.traceId);
  expect(notice.parentSpanId).toBe(join.spanId);
  expect(notice.attributes).toEqual({ room: roomTag(roomId(1)), change: 'joined' });
  expect(script).toMatchObject({ node: 'b', attributes: { script: 'join' } });
  expect(script.tookNs > 0n && script.tookNs <= join.tookNs).toBe(true);
  expect(join).toMatchObject({
    service: 'peerdeck-signaling',
    failed: false,
    attributes: { role: 'viewer', room: roomTag(roomId(1)), result: 'ok' },
  });
  viewer.send({ type: 'leave' });
  await host.next('member-left');
  const connection = await span(({ name, node }) => name === 'connection' && node === 'b');
  expect(connection).toMatchObject({ traceId: join.traceId, spanId: join.parentSpanId });
  expect(connection.attributes).toMatchObject({ protocol: 'v2', code: 1000, by: 'server' });
  const leave = await span(({ name, node }) => name === 'leave' && node === 'b');
  expect(leave).toMatchObject({ traceId: join.traceId, attributes: { reason: 'left' } });
  const left = await span(({ attributes }) => attributes['change'] === 'left');
  expect(left).toMatchObject({ node: 'a', traceId: join.traceId, parentSpanId: leave.spanId });
  expect(collector.requests[0]).toMatchObject({
    path: '/v1/traces',
    headers: { 'x-key': expect.any(String) as string, 'content-type': 'application/json' },
  });
  const { traceId } = await span(({ name, node }) => name === 'join' && node === 'a');
  expect(traceId).not.toBe(join.traceId);
});

test('a client may bring its trace; its say on sampling counts where that is configured', async () => {
  const env = { OTEL_TRACES_SAMPLER: 'parentbased_always_off' };
  const server = await node('a', env);
  const headers = { traceparent: `00-${TRACE}-${SPAN}-01` };
  await Peer.open(`${server.url}/?roomId=r`, [], { headers });
  await Peer.open(`${server.url}/?roomId=other`, []);
  const join = await span(({ name }) => name === 'join');
  expect(join.traceId).toBe(TRACE);
  await server.service.drain();
  const connection = await span(({ name }) => name === 'connection');
  expect(connection).toMatchObject({ traceId: TRACE, parentSpanId: SPAN });
  expect(collector.named('connection')).toHaveLength(1);
});

test('what a token, a resume and a drain take is seen, and no secret of theirs', async () => {
  const secret = 'a secret of at least thirty-two bytes';
  const server = await node('a', { ENABLE_AUTH: 'true', JWT_SECRET: secret });
  const refused = await server.v2();
  refused.send({ type: 'join', room: roomId(1), role: 'viewer', token: 'not.a.token' });
  await refused.closed;
  const { parentSpanId } = await span(({ name }) => name === 'authenticate');
  const join = await span(({ name }) => name === 'join');
  expect(parentSpanId).toBe(join.spanId);
  expect(join.attributes['result']).toBe('unauthorized');
  const second = await node('b');
  const host = await second.v2();
  const { resume } = await host.join(roomId(2), 'host');
  const again = await second.v2();
  await again.join(roomId(2), 'host', { resume });
  await second.service.drain();
  expect((await span(({ name }) => name === 'resume')).attributes['result']).toBe('resumed');
  const drain = await span(({ name }) => name === 'drain');
  expect(drain.attributes).toEqual({ connections: 1, left: 0 });
  const text = JSON.stringify(collector.spans, (_key, value: unknown) =>
    typeof value === 'bigint' ? String(value) : value,
  );
  for (const hidden of ['not.a.token', String(resume), roomId(1), roomId(2), secret]) {
    expect(text).not.toContain(hidden);
  }
});

test('messages have spans only where their share is set', async () => {
  for (const [nodeId, env] of [
    ['none', {}],
    ['all', { TRACE_RELAY_RATIO: '1' }],
  ] as const) {
    const server = await node(nodeId, env);
    const [host, viewer] = [await server.v2(), await server.v2()];
    await host.join(roomId(1), 'host');
    await viewer.join(roomId(1), 'viewer');
    viewer.send({ type: 'offer', session: 's', sdp: 'x' });
    await host.next('offer');
    await server.service.drain();
  }
  const relays = collector.named('relay').map(({ node, attributes }) => [node, attributes]);
  expect(relays).toEqual([['all', { type: 'offer' }]]);
});

test('a ratio records some traces, whole', async () => {
  const server = await node('a', { OTEL_TRACES_SAMPLER_ARG: '0.5' });
  for (let count = 0; count < 64; count += 1) {
    const peer = await server.v2();
    await peer.join(roomId(count), 'viewer');
  }
  await server.service.drain();
  const joins = collector.named('join').length;
  expect(joins).toBeGreaterThan(8);
  expect(joins).toBeLessThan(56);
  expect(collector.named('connection')).toHaveLength(joins);
});

test('a stop sends what waits', async () => {
  const server = await node('a', { OTEL_BSP_SCHEDULE_DELAY: '60000' });
  const peer = await server.v2();
  await peer.join(roomId(1), 'viewer');
  await server.service.drain();
  const names = collector.spans.map(({ name }) => name).sort();
  expect(names).toEqual(['connection', 'drain', 'join', 'leave']);
});

describe('a collector that', () => {
  test('never answers costs spans, and no client notices', async () => {
    collector.status = undefined;
    const server = await node('a', { OTEL_BSP_MAX_QUEUE_SIZE: '20' });
    for (let count = 0; count < 30; count += 1) {
      const peer = await server.v2();
      await peer.join(roomId(count), 'viewer');
      peer.send({ type: 'leave' });
      await peer.closed;
    }
    await until(async () => {
      return (await server.metric('signaling_spans_total{result="dropped"}')) >= 60;
    });
    const started = performance.now();
    await server.service.drain();
    // The deadline of a drain is 5 s; a flush has one of these.
    expect(performance.now() - started).toBeLessThan(5000);
  });

  test('refuses or is not there is counted', async () => {
    collector.status = 400;
    const refused = await node('a');
    await (await refused.v2()).join(roomId(1), 'viewer');
    await until(async () => {
      return (await refused.metric('signaling_spans_total{result="failed"}')) === 1;
    });
    collector.status = 200;
    await (await refused.v2()).join(roomId(2), 'viewer');
    await until(async () => {
      return (await refused.metric('signaling_spans_total{result="exported"}')) >= 1;
    });
    const alone = await node('b', {
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://127.0.0.1:9/nobody',
      OTEL_EXPORTER_OTLP_TIMEOUT: '100',
    });
    await (await alone.v2()).join(roomId(1), 'viewer');
    await until(async () => {
      return (await alone.metric('signaling_spans_total{result="failed"}')) === 1;
    });
  });
});

// prom-client imports @opentelemetry/api by itself.
test('a service without an endpoint does not import the SDK or the exporter', async () => {
  expect(await imported({})).toEqual([]);
  expect(
    await imported({ OTEL_SDK_DISABLED: 'true', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://x' }),
  ).toEqual([]);
  const names = await imported({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url });
  expect(names.length).toBeGreaterThan(10);
}, 30_000);

async function span(wanted: (span: CollectedSpan) => boolean): Promise<CollectedSpan> {
  let found: CollectedSpan | undefined;
  await until(() => {
    found = collector.spans.find(wanted);
    return found !== undefined;
  });
  if (found === undefined) throw new Error('no such span');
  return found;
}

/** Modules of OpenTelemetry that the process has loaded once it is ready. */
async function imported(env: Record<string, string>): Promise<string[]> {
  const spy = `
    import { registerHooks } from 'node:module';
    registerHooks({ load(url, context, next) {
      if (/@opentelemetry.(sdk|exporter|resources|otlp)/.test(url)) process.stderr.write('loaded ' + url + '\\n');
      return next(url, context);
    } });`;
  const child = spawn(
    process.execPath,
    [
      '--conditions=@peerdeck/source',
      `--import=data:text/javascript,${encodeURIComponent(spy)}`,
      fileURLToPath(new URL('../main.ts', import.meta.url)),
    ],
    {
      env: { PATH: process.env['PATH'], HOST: '127.0.0.1', WS_PORT: '0', HEALTH_PORT: '0', ...env },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    },
  );
  let text = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  await once(child, 'message');
  child.kill('SIGTERM');
  await once(child, 'close');
  return text.split('\n').filter((line) => line.startsWith('loaded '));
}
