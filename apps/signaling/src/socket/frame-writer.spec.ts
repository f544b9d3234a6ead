import { Duplex } from 'node:stream';
import { FrameWriter, textFrame } from './frame-writer.ts';

/** Notes what reaches the system: one entry a call. */
class Sink extends Duplex {
  readonly calls: Buffer[] = [];

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.calls.push(chunk);
    done();
  }

  override _writev(parts: { chunk: Buffer }[], done: () => void): void {
    this.calls.push(Buffer.concat(parts.map(({ chunk }) => chunk)));
    done();
  }
}

/** As RFC 6455, 5.2 says: whole, unmasked text frames. */
function texts(bytes: Buffer): string[] {
  const found: string[] = [];
  for (let at = 0; at < bytes.length;) {
    expect(bytes[at]).toBe(0x81);
    const short = bytes.readUInt8(at + 1);
    const head = short === 126 ? 4 : short === 127 ? 10 : 2;
    const size =
      head === 2
        ? short
        : head === 4
          ? bytes.readUInt16BE(at + 2)
          : Number(bytes.readBigUInt64BE(at + 2));
    found.push(bytes.toString('utf8', at + head, at + head + size));
    at += head + size;
  }
  return found;
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('a text frame', () => {
  test.each([0, 1, 125, 126, 127, 65_535, 65_536, 200_000])('of %i bytes', (size) => {
    const text = 'x'.repeat(size);
    expect(texts(textFrame(text))).toEqual([text]);
  });

  test('counts bytes, not characters', () => {
    const text = 'é€😀'.repeat(30);
    expect(texts(textFrame(text))).toEqual([text]);
  });
});

describe('the writer', () => {
  test('writes what a turn has for a socket in one go, in order', async () => {
    const writer = new FrameWriter();
    const [one, other] = [new Sink(), new Sink()];
    for (const text of ['a', 'b', 'c']) writer.write(one, text);
    writer.write(other, 'd');
    await turn();
    expect(one.calls.map(texts)).toEqual([['a', 'b', 'c']]);
    expect(other.calls.map(texts)).toEqual([['d']]);
    writer.write(one, 'e');
    await turn();
    expect(one.calls.map(texts)).toEqual([['a', 'b', 'c'], ['e']]);
  });

  test('a socket that is destroyed in the turn harms no other', async () => {
    const writer = new FrameWriter();
    const [one, other] = [new Sink(), new Sink()];
    one.on('error', () => {});
    writer.write(one, 'a');
    writer.write(other, 'b');
    one.destroy();
    await turn();
    expect(other.calls.map(texts)).toEqual([['b']]);
  });

  test('what ends a socket comes after what was written before', async () => {
    const sink = new Sink();
    new FrameWriter().write(sink, 'a');
    sink.end(textFrame('b'));
    await turn();
    expect(texts(Buffer.concat(sink.calls))).toEqual(['a', 'b']);
  });
});
