import fc from 'fast-check';
import { Bystanders } from '../../src/testing/bystanders.ts';
import { NodeProcess } from '../../src/testing/node-process.ts';
import { VALID_ORIGINAL, VALID_V2, nearValid } from '../../src/testing/near-valid.ts';
import { RawClient, rawFrame, upgrade } from '../../src/testing/raw-client.ts';

/*
 * Bytes through real sockets, at a service in a process of its own: it lives (an exception or a
 * rejection that nobody handles would end it), lets go of every socket, and two bystanders go on
 * relaying in order meanwhile.
 */

const CASES = 5000;
const AT_ONCE = 25;
/** What no turn of the event loop may take, however slow the machine. */
const STALL_MS = 5000;

/** What a client writes, one after the other; then it closes its half. */
type Script = readonly (string | Buffer)[];

const V2 = ['Sec-WebSocket-Protocol: peerdeck.v2'];
const handshakes = [upgrade('/', V2), upgrade('/?roomId=fuzz'), upgrade('/any/path?x=1&roomId=b')];

/** A handshake, or another request, with lines dropped, changed, doubled and put in. */
const http: fc.Arbitrary<Script> = fc
  .tuple(
    fc.constantFrom(
      ...handshakes,
      'GET / HTTP/1.1\r\nHost: x\r\n\r\n',
      'POST /?a HTTP/1.0\r\n\r\n',
    ),
    fc.array(
      fc.tuple(
        fc.nat(12),
        fc.oneof(
          fc.constantFrom(
            ...['', 'Transfer-Encoding: chunked', 'Content-Length: -1', 'Content-Length: 10'],
            ...[
              'Upgrade: h2c',
              'Connection: close',
              'Expect: 100-continue',
              'Host: y',
              ' folded: x',
            ],
            ...['Sec-WebSocket-Protocol: peerdeck.v2, ,', 'Sec-WebSocket-Protocol: \x01'],
            ...['Sec-WebSocket-Extensions: permessage-deflate; x="', 'X-Forwarded-For: ,,,%'],
            ...[
              'Authorization: Bearer',
              'Origin: null',
              'Origin: https://[::1',
              'traceparent: 00-',
            ],
            ...['GET /?roomId=%ff%00 HTTP/1.1', 'GET http://x:99999/ HTTP/1.1', 'PRI * HTTP/2.0'],
            `Cookie: ${'x'.repeat(20_000)}`,
          ),
          fc.string({ unit: 'binary', maxLength: 60 }),
        ),
        fc.boolean(),
      ),
      { minLength: 1, maxLength: 4 },
    ),
    fc.uint8Array({ maxLength: 60 }),
  )
  .map(([text, changes, rest]) => {
    const lines = text.split('\r\n');
    for (const [index, line, replace] of changes) {
      lines.splice(index % lines.length, replace ? 1 : 0, line);
    }
    return [Buffer.from(lines.join('\r\n'), 'latin1'), Buffer.from(rest)];
  });

const frame = fc
  .record({
    opcode: fc.nat(15),
    payload: fc.oneof(
      fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
      fc.constantFrom(...VALID_V2.map((message) => Buffer.from(JSON.stringify(message)))),
    ),
    fin: fc.boolean(),
    reserved: fc.oneof(
      { arbitrary: fc.constant(0), weight: 4 },
      { arbitrary: fc.nat(7), weight: 1 },
    ),
    masked: fc.oneof(
      { arbitrary: fc.constant(true), weight: 6 },
      { arbitrary: fc.constant(false), weight: 1 },
    ),
  })
  .chain((parts) =>
    fc
      .option(fc.oneof(fc.nat(70_000), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })), {
        freq: 8,
        nil: undefined,
      })
      .map((length) => rawFrame(length === undefined ? parts : { ...parts, length })),
  );

const frames: fc.Arbitrary<Script> = fc
  .tuple(
    fc.constantFrom(...handshakes),
    fc.array(
      fc.oneof(
        { arbitrary: frame, weight: 5 },
        {
          arbitrary: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
          weight: 1,
        },
      ),
      {
        maxLength: 6,
      },
    ),
  )
  .map(([head, all]) => [head, ...all]);

const texts: fc.Arbitrary<Script> = fc
  .tuple(
    fc.boolean(),
    fc.array(fc.oneof(nearValid(VALID_V2), nearValid(VALID_ORIGINAL)), {
      minLength: 1,
      maxLength: 6,
    }),
    // Text in pieces, cut anywhere.
    fc.nat(50),
  )
  .map(([v2, messages, cut]) => [
    v2 ? upgrade('/', V2) : upgrade('/?roomId=fuzz'),
    ...messages.map((message) => {
      const bytes = Buffer.from(message);
      if (cut === 0 || bytes.length < cut) return rawFrame({ opcode: 1, payload: bytes });
      return Buffer.concat([
        rawFrame({ opcode: 1, payload: bytes.subarray(0, cut), fin: false }),
        rawFrame({ opcode: 0, payload: bytes.subarray(cut) }),
      ]);
    }),
  ]);

test(`${CASES} clients that write rubbish harm nobody`, async () => {
  const node = await NodeProcess.start({ HANDSHAKE_TIMEOUT_MS: '1000' });
  try {
    const bystanders = await Bystanders.start(node);
    const play = async (script: Script, ending: number) => {
      const client = new RawClient(node.port);
      for (const part of script) client.write(part);
      // It closes its half, resets, or waits for what the service does.
      if (ending % 3 === 0) client.socket.end();
      else if (ending % 3 === 1) client.socket.end(() => client.socket.resetAndDestroy());
      else {
        await Promise.race([client.closeCode(), client.head().then(() => client.socket.end())]);
      }
      await client.gone;
    };
    const script = fc.oneof(http, frames, texts);
    const batch = fc.array(fc.tuple(script, fc.nat(2)), {
      minLength: AT_ONCE,
      maxLength: AT_ONCE,
    });
    await fc.assert(
      fc.asyncProperty(batch, async (clients) => {
        const before = bystanders.rounds;
        await Promise.all(clients.map(([parts, ending]) => play(parts, ending)));
        if (!node.running) throw new Error('the service has ended');
        await bystanders.goOn(before);
      }),
      { numRuns: CASES / AT_ONCE, interruptAfterTimeLimit: 150_000, markInterruptAsFailure: true },
    );
    await bystanders.unharmed();
    const lag = await node.metric('nodejs_eventloop_lag_max_seconds');
    expect(lag * 1000).toBeLessThan(STALL_MS);
    expect(bystanders.longestMs).toBeLessThan(STALL_MS);
    expect(
      await node.metric('signaling_connections_rejected_total{reason="handshake"}'),
    ).toBeGreaterThan(0);
    expect(await node.metric('signaling_closes_total{code="1002",by="server"}')).toBeGreaterThan(0);
    await bystanders.stop();
    // Members that were lost are gone after their grace, and nothing else is left.
    expect((await node.stop()).code).toBe(0);
  } finally {
    await node.close();
  }
}, 180_000);
