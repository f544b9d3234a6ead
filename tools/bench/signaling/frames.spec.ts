import { FrameReader, OPCODE, clientFrame } from './frames.ts';

/** As a server writes them: without a mask. */
function serverFrame(opcode: number, payload: Buffer): Buffer {
  const { length } = payload;
  if (length <= 125) return Buffer.concat([Buffer.of(0x80 | opcode, length), payload]);
  const head = Buffer.alloc(length > 0xffff ? 10 : 4);
  head.set([0x80 | opcode, length > 0xffff ? 127 : 126]);
  if (length > 0xffff) head.writeBigUInt64BE(BigInt(length), 2);
  else head.writeUInt16BE(length, 2);
  return Buffer.concat([head, payload]);
}

function unmasked(frame: Buffer): Buffer {
  const head = (frame[1] ?? 0) === (0x80 | 126) ? 4 : 2;
  const mask = frame.subarray(head, head + 4);
  return Buffer.from(frame.subarray(head + 4).map((byte, i) => byte ^ (mask[i & 3] ?? 0)));
}

it.each([0, 1, 125, 126, 65_535])('a frame of %i bytes is read back as it was sent', (length) => {
  const payload = Buffer.alloc(length, 'peerdeck');
  const frame = clientFrame(payload);
  expect([frame[0], (frame[1] ?? 0) & 0x80]).toEqual([0x80 | OPCODE.text, 0x80]);
  expect(unmasked(frame).equals(payload)).toBe(true);
});

it.each([
  [1, [0, 5, 125, 126]],
  [7, [0, 125, 126, 3000]],
  [1024, [5, 126, 70_000, 0]],
])('frames are told apart in chunks of %i bytes', (step, lengths) => {
  const sent = lengths.map((length) => Buffer.alloc(length, length % 251));
  const stream = Buffer.concat(sent.map((payload) => serverFrame(OPCODE.text, payload)));
  const reader = new FrameReader();
  const got: Buffer[] = [];
  for (let at = 0; at < stream.length; at += step) {
    const chunk = Buffer.from(stream.subarray(at, at + step));
    reader.read(chunk, (_opcode, payload) => got.push(Buffer.from(payload)));
    chunk.fill(0); // it may be used again
  }
  expect(got.map((payload, i) => payload.equals(sent[i] ?? Buffer.alloc(0)))).toEqual(
    lengths.map(() => true),
  );
});
