import fc from 'fast-check';
import { decodeInput, type InputChannel, type InputRecord } from './input-codec.ts';
import { InputEncoder } from './input-encoder.ts';

function setUp() {
  const messages: { channel: InputChannel; records: readonly InputRecord[]; size: number }[] = [];
  const encoder = new InputEncoder({
    send: (channel, message) => {
      const decoded = decodeInput(message, channel);
      if (!decoded.ok) throw new Error(`${channel}: ${decoded.error.message}`);
      messages.push({ channel, records: decoded.records, size: message.length });
    },
  });
  return { encoder, messages };
}

describe('InputEncoder', () => {
  it('sends nothing before flush and nothing twice', () => {
    const { encoder, messages } = setUp();
    encoder.key(4, true);
    encoder.position(0.5, 0.5);
    expect(messages).toEqual([]);
    encoder.flush();
    encoder.flush();
    expect(messages.map((message) => message.channel)).toEqual(['input', 'pointer']);
  });

  it('keeps only the newest position', () => {
    const { encoder, messages } = setUp();
    for (let i = 0; i <= 1000; i += 1) encoder.position(i / 1000, 0);
    encoder.flush();
    expect(messages.map((message) => message.records)).toEqual([
      [{ kind: 'pointer', x: 65535, y: 0, seq: 1 }],
    ]);
  });

  it('lets a click carry its own position, newer than all before', () => {
    const { encoder, messages } = setUp();
    encoder.position(0.1, 0.1);
    encoder.flush();
    encoder.position(0.2, 0.2);
    encoder.button(0, true, 0.5, 1);
    encoder.button(0, false, 0.5, 1);
    encoder.flush();
    // The position before the click is not sent after it.
    expect(messages.map(({ channel }) => channel)).toEqual(['pointer', 'input']);
    encoder.position(1, 1);
    encoder.flush();
    const seqs = messages.flatMap(({ records }) => records.map((r) => 'seq' in r && r.seq));
    expect(seqs).toEqual([1, 2, 3, 4]);
    expect(messages[1]?.records[0]).toEqual({
      kind: 'button',
      down: true,
      button: 0,
      x: 32768,
      y: 65535,
      seq: 2,
    });
  });

  it('presses in place after the motion that led there', () => {
    const { encoder, messages } = setUp();
    encoder.motion(3, 4);
    encoder.buttonInPlace(2, true);
    encoder.buttonInPlace(9, true);
    encoder.flush();
    expect(messages.flatMap(({ records }) => records)).toEqual([
      { kind: 'motion', dx: 3, dy: 4 },
      { kind: 'button', button: 2, down: true, x: 0, y: 0, seq: 1, inPlace: true },
    ]);
  });

  it('adds up motion and wheel but never past another record', () => {
    const { encoder, messages } = setUp();
    encoder.motion(1, 2);
    encoder.motion(3, -4);
    encoder.key(4, true);
    encoder.motion(5, 5);
    encoder.wheel(0, 60);
    encoder.wheel(0, 60);
    encoder.motion(0.2, 0.2);
    encoder.flush();
    expect(messages).toHaveLength(1);
    expect(messages[0]?.records).toEqual([
      { kind: 'motion', dx: 4, dy: -2 },
      { kind: 'key', down: true, repeat: false, usage: 4 },
      { kind: 'motion', dx: 5, dy: 5 },
      { kind: 'wheel', dx: 0, dy: 120 },
    ]);
  });

  it('cuts long text between characters', () => {
    const { encoder, messages } = setUp();
    const text = '😀é€x'.repeat(300);
    encoder.text(text);
    encoder.flush();
    const parts = messages.flatMap(({ records }) =>
      records.map((r) => (r.kind === 'text' ? r.text : '')),
    );
    expect(parts.join('')).toBe(text);
    expect(parts.length).toBeGreaterThan(5);
  });

  it('clamps what does not fit and ignores buttons that nobody has', () => {
    const { encoder, messages } = setUp();
    encoder.position(-1, Number.NaN);
    encoder.motion(1e9, -1e9);
    encoder.button(7, true, 0, 0);
    encoder.flush();
    expect(messages.flatMap(({ records }) => records)).toEqual([
      { kind: 'motion', dx: 32767, dy: -32768 },
      { kind: 'pointer', x: 0, y: 0, seq: 1 },
    ]);
  });

  it('forgets what waits on clear', () => {
    const { encoder, messages } = setUp();
    encoder.key(4, true);
    encoder.motion(1, 1);
    encoder.position(0, 0);
    encoder.clear();
    encoder.flush();
    expect(messages).toEqual([]);
  });

  it('stays within 512 bytes and loses no key, whatever comes', () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('key'), n: fc.nat(0xffff) }),
      fc.record({
        do: fc.constantFrom('button', 'position', 'motion', 'wheel', 'release', 'flush'),
        n: fc.nat(9),
      }),
      fc.record({ do: fc.constant('text'), n: fc.nat(2000) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const { encoder, messages } = setUp();
        const keys: number[] = [];
        for (const { do: what, n } of steps) {
          if (what === 'key') {
            encoder.key(n, true);
            keys.push(n);
          } else if (what === 'button') encoder.button(n, true, 0.5, 0.5);
          else if (what === 'position') encoder.position(n / 9, 0);
          else if (what === 'motion') encoder.motion(n, -n);
          else if (what === 'wheel') encoder.wheel(n, -n);
          else if (what === 'release') encoder.releaseAll();
          else if (what === 'text') encoder.text('é'.repeat(n));
          else encoder.flush();
        }
        encoder.flush();
        const sent = messages.flatMap(({ records }) => records);
        expect(sent.filter((r) => r.kind === 'key').map((r) => r.usage)).toEqual(keys);
        expect(Math.max(0, ...messages.map(({ size }) => size))).toBeLessThanOrEqual(512);
      }),
    );
  });
});
