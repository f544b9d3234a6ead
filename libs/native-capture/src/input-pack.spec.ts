import { InputPacker } from './input-pack.ts';

describe('InputPacker', () => {
  it('writes golden bytes', () => {
    const packer = new InputPacker(5);
    packer.pack([
      { kind: 'key', usage: 0x04, down: true },
      { kind: 'pointer', x: 65535, y: 1 },
      { kind: 'motion', dx: -2, dy: 3 },
      { kind: 'button', button: 2, down: false },
      { kind: 'wheel', dx: 0, dy: -120 },
    ]);
    expect(packer.buffer.toString('hex').match(/.{24}/g)).toEqual([
      '010104000000000000000000',
      '02000000ffff000001000000',
      '03000000feffffff03000000',
      '040002000000000000000000',
      '050000000000000088ffffff',
    ]);
  });

  it('leaves nothing of the batch before', () => {
    const packer = new InputPacker(1);
    packer.pack([{ kind: 'pointer', x: 7, y: 8 }]);
    packer.pack([{ kind: 'key', usage: 4, down: false }]);
    expect(packer.buffer.toString('hex')).toBe('010004000000000000000000');
  });

  it('refuses more than it holds', () => {
    const key = { kind: 'key', usage: 4, down: true } as const;
    expect(() => new InputPacker(1).pack([key, key])).toThrow(RangeError);
  });
});
