import { readFileSync } from 'node:fs';
import { CLOSE } from '@peerdeck/protocol';
import { METRICS_MANUAL, describeMetrics, withMetricsTable } from '../docs/metrics-docs.ts';
import { ManualClock } from '../testing/manual-clock.ts';
import { roomId, startService, until, type TestService } from '../testing/harness.ts';

let server: TestService | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

test('docs/metrics.md has the table of the registry', async () => {
  const manual = readFileSync(METRICS_MANUAL, 'utf8');
  expect(await withMetricsTable(manual)).toBe(manual);
});

test('names and labels are as Prometheus wants them, and nothing names a room or a peer', async () => {
  const metrics = (await describeMetrics()).filter(({ name }) => name.startsWith('signaling_'));
  expect(metrics.length).toBeGreaterThan(20);
  for (const { name, type, help, labels } of metrics) {
    expect(name).toMatch(/^[a-z][a-z0-9_]+$/);
    expect(name.endsWith('_total')).toBe(type === 'counter');
    expect(type === 'histogram' ? name.endsWith('_seconds') : true).toBe(true);
    expect(help).toMatch(/\.$/);
    const unbounded = [...labels.keys()].filter((label) =>
      /room|peer|member|connection|ip|address|user|subject/.test(label),
    );
    expect(unbounded).toEqual([]);
  }
});

test('a process has the lag of its event loop, its CPU and its memory too', async () => {
  const names = (await describeMetrics()).map(({ name }) => name);
  expect(names).toEqual(
    expect.arrayContaining([
      'nodejs_eventloop_lag_p99_seconds',
      'nodejs_gc_duration_seconds',
      'process_cpu_seconds_total',
      'process_resident_memory_bytes',
    ]),
  );
});

test('a scrape does not grow with connections and rooms, nor list what is open', async () => {
  const { service, v2 } = (server = await startService({}, { processMetrics: true }));
  const names = async () => {
    const answer = await fetch(`http://127.0.0.1:${service.healthPort}/metrics`);
    const lines = (await answer.text()).split('\n').filter((line) => !/^#|^nodejs_gc/.test(line));
    return lines.map((line) => line.replace(/ \S+$/, ''));
  };
  await (await v2()).join(roomId(0), 'host');
  const few = await names();
  for (let room = 1; room <= 40; room += 1) {
    await (await v2()).join(roomId(room), 'host');
    await (await v2()).join(roomId(room), 'viewer');
  }
  expect(await names()).toEqual(few);
  expect(few.filter((name) => name.startsWith('nodejs_active'))).toEqual([]);
});

test('a node says what it is, what it may hold, and that it is ready', async () => {
  server = await startService(
    { MAX_CONNECTIONS: '77', MAX_PENDING_CONNECTIONS: '7' },
    { nodeId: 'n1' },
  );
  expect(await server.metric('signaling_build_info{version="1",node="n1"}')).toBe(1);
  expect(await server.metric('signaling_connections_max')).toBe(77);
  expect(await server.metric('signaling_connections_pending_max')).toBe(7);
  expect(await server.metric('signaling_ready')).toBe(1);
  expect(await server.metric('signaling_draining')).toBe(0);
});

test('connections, joins and resumes are counted, and joins timed', async () => {
  server = await startService();
  const host = await server.v2();
  const { resume } = await host.join(roomId(1), 'host');
  host.socket.terminate();
  await until(async () => (await metric('signaling_members{state="detached"}')) === 1);
  await (await server.v2()).join(roomId(1), 'host', { resume });
  await (await server.v2()).join(roomId(2), 'host', { resume: 'of-another-life' });
  await server.original('r');
  await until(
    async () => (await metric('signaling_join_seconds_count{protocol="original"}')) === 1,
  );
  expect(await metric('signaling_connections_accepted_total{protocol="v2"}')).toBe(3);
  expect(await metric('signaling_connections_accepted_total{protocol="original"}')).toBe(1);
  expect(await metric('signaling_joins_total{protocol="v2",result="resumed"}')).toBe(1);
  expect(await metric('signaling_resumes_total{result="ok"}')).toBe(1);
  expect(await metric('signaling_resumes_total{result="gone"}')).toBe(1);
  expect(await metric('signaling_join_seconds_count{protocol="v2"}')).toBe(3);
});

test('a receiver that does not keep up is counted, and what it has not taken is seen', async () => {
  server = await startService({ BACKPRESSURE_CLOSE_THRESHOLD_BYTES: '4000000' });
  const host = await server.v2();
  await host.join(roomId(1), 'host');
  const viewer = await server.v2();
  const { peerId } = await viewer.join(roomId(1), 'viewer');
  viewer.socket.pause();
  const payload = 'x'.repeat(15_000);
  let seen = 0;
  while ((await metric('signaling_slow_consumers_total{protocol="v2",at="buffer"}')) === 0) {
    for (let count = 0; count < 50; count += 1) {
      host.send({ type: 'control', action: 'a', payload, to: peerId });
    }
    await host.settle();
    seen = Math.max(seen, await metric('signaling_unsent_bytes{of="slowest"}'));
  }
  expect(seen).toBeGreaterThan(0);
  viewer.socket.resume();
  expect((await viewer.closed).code).toBe(CLOSE.slowConsumer);
});

test('a connection that falls silent is counted', async () => {
  const clock = new ManualClock();
  server = await startService({}, { clock });
  const viewer = await server.v2();
  await viewer.join(roomId(1), 'viewer');
  viewer.socket.pause();
  for (let second = 0; second < 26; second += 1) clock.advance(1000);
  expect(await metric('signaling_heartbeats_lost_total{protocol="v2"}')).toBe(1);
});

function metric(line: string): Promise<number> {
  if (server === undefined) throw new Error('no service');
  return server.metric(line);
}
