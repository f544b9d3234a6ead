import { encodeRecord, type InputRecord } from '@peerdeck/protocol';
import fc from 'fast-check';
import { InputGate, type InputAction } from './input-gate.ts';

const limits = {
  eventsPerSecond: 100,
  positionsPerSecond: 200,
  textPerSecond: 50,
  silenceMs: 2000,
};

function opened(): InputGate {
  const gate = new InputGate(limits);
  gate.open(0);
  return gate;
}

const message = (...records: InputRecord[]): Uint8Array =>
  Buffer.concat(records.map((record) => encodeRecord(record)));
const key = (usage: number, down: boolean): InputRecord => ({
  kind: 'key',
  usage,
  down,
  repeat: false,
});
const at = (x: number, y: number, seq: number): InputRecord => ({
  kind: 'pointer',
  x,
  y,
  seq,
});
const button = (down: boolean, seq: number, which = 0): InputRecord => ({
  kind: 'button',
  button: which,
  down,
  x: 10,
  y: 20,
  seq,
});
const events = (actions: readonly InputAction[]): unknown[] =>
  actions.flatMap((action) => (action.kind === 'inject' ? action.events : []));

describe('InputGate', () => {
  it('lets nothing through while shut', () => {
    const gate = new InputGate(limits);
    expect(gate.receive(message(key(4, true)), 'input', 0)).toEqual([]);
    expect(gate.drops.closed).toBe(1);
  });

  it('passes keys of the allow-list and refuses others', () => {
    const gate = opened();
    expect(events(gate.receive(message(key(0x04, true), key(0x04, false)), 'input', 0))).toEqual([
      { kind: 'key', usage: 4, down: true },
      { kind: 'key', usage: 4, down: false },
    ]);
    expect(gate.receive(message(key(0x01, true), key(0xffff, true)), 'input', 0)).toEqual([]);
    expect(gate.drops['not-allowed']).toBe(2);
  });

  it('drops a malformed or oversized message whole', () => {
    const gate = opened();
    const cut = message(key(4, true), key(5, true)).subarray(0, 7);
    expect(gate.receive(cut, 'input', 0)).toEqual([]);
    expect(gate.receive(new Uint8Array(600).fill(7), 'input', 0)).toEqual([]);
    expect(gate.drops.malformed).toBe(2);
    expect(gate.heldCount).toBe(0);
  });

  it('drops positions that are older than the newest, over the wrap of the counter', () => {
    const gate = opened();
    expect(events(gate.receive(message(at(1, 1, 0xffff_fffe)), 'pointer', 0))).toHaveLength(1);
    expect(events(gate.receive(message(at(2, 2, 3)), 'pointer', 0))).toHaveLength(1);
    expect(events(gate.receive(message(at(3, 3, 0xffff_ffff)), 'pointer', 0))).toHaveLength(0);
    expect(events(gate.receive(message(at(3, 3, 3)), 'pointer', 0))).toHaveLength(0);
    expect(gate.drops.stale).toBe(2);
  });

  it('gives a click its own place, whatever overtook it', () => {
    const gate = opened();
    gate.receive(message(at(500, 500, 9)), 'pointer', 0);
    expect(events(gate.receive(message(button(true, 5)), 'input', 0))).toEqual([
      { kind: 'pointer', x: 10, y: 20 },
      { kind: 'button', button: 0, down: true },
    ]);
    // The older click does not turn the order of positions back.
    expect(events(gate.receive(message(at(1, 1, 7)), 'pointer', 0))).toHaveLength(0);
  });

  it('leaves the pointer where it is for a button in place', () => {
    const gate = opened();
    const press: InputRecord = {
      kind: 'button',
      button: 0,
      down: true,
      x: 0,
      y: 0,
      seq: 1,
      inPlace: true,
    };
    expect(events(gate.receive(message(press), 'input', 0))).toEqual([
      { kind: 'button', button: 0, down: true },
    ]);
    expect(gate.heldCount).toBe(1);
  });

  it('clamps wheel and motion', () => {
    const gate = opened();
    const wild = [
      { kind: 'wheel', dx: -32_768, dy: 32_767 },
      { kind: 'motion', dx: 32_767, dy: -5 },
    ] as const;
    expect(events(gate.receive(message(...wild), 'input', 0))).toEqual([
      { kind: 'wheel', dx: -2400, dy: 2400 },
      { kind: 'motion', dx: 4096, dy: -5 },
    ]);
  });

  it('limits the rate of downs and never holds back an up', () => {
    const gate = opened();
    gate.receive(message(key(0x04, true)), 'input', 0);
    let passed = 0;
    for (let i = 0; i < 300; i += 1) {
      const wheel = { kind: 'wheel', dx: 0, dy: 1 } as const;
      passed += events(gate.receive(message(wheel), 'input', 0)).length;
    }
    expect(passed).toBe(99);
    expect(gate.drops['rate-limited']).toBe(201);
    expect(events(gate.receive(message(key(0x04, false)), 'input', 10))).toEqual([
      { kind: 'key', usage: 4, down: false },
    ]);
    expect(events(gate.receive(message(key(0x05, true)), 'input', 1010))).toHaveLength(1);
  });

  it('passes no up of what is not held', () => {
    const gate = opened();
    expect(gate.receive(message(key(0x04, false), button(false, 1)), 'input', 0)).toEqual([]);
    expect(gate.drops['not-held']).toBe(2);
  });

  it('bounds how many are held at once', () => {
    const gate = opened();
    for (let usage = 4; usage < 40; usage += 1) gate.receive(message(key(usage, true)), 'input', 0);
    expect(gate.heldCount).toBe(24);
    expect(gate.drops['too-many-held']).toBe(12);
  });

  it('lets go of everything on close: buttons, keys, modifiers last', () => {
    const gate = opened();
    gate.receive(message(key(0xe1, true), key(0x04, true), button(true, 1, 2)), 'input', 0);
    expect(gate.close()).toEqual([
      { kind: 'button', button: 2, down: false },
      { kind: 'key', usage: 0x04, down: false },
      { kind: 'key', usage: 0xe1, down: false },
    ]);
    expect(gate.close()).toEqual([]);
    expect(gate.receive(message(key(4, true)), 'input', 0)).toEqual([]);
  });

  it('lets go when the viewer says so or goes silent', () => {
    const gate = opened();
    gate.receive(message(key(4, true)), 'input', 0);
    expect(events(gate.receive(message({ kind: 'release-all' }), 'input', 0))).toEqual([
      { kind: 'key', usage: 4, down: false },
    ]);
    gate.receive(message(key(5, true)), 'input', 1000);
    expect(gate.tick(2999)).toEqual([]);
    gate.alive(2999);
    expect(gate.tick(4998)).toEqual([]);
    expect(gate.tick(4999)).toEqual([{ kind: 'key', usage: 5, down: false }]);
    expect(gate.tick(9999)).toEqual([]);
  });

  it('passes text in its place among events, without control characters, at a limited rate', () => {
    const gate = opened();
    const actions = gate.receive(
      message(key(4, true), { kind: 'text', text: 'né\u0007\u001b[31m\n' }, key(4, false)),
      'input',
      0,
    );
    expect(actions.map((action) => action.kind)).toEqual(['inject', 'text', 'inject']);
    expect(actions[1]).toEqual({ kind: 'text', text: 'né[31m\n' });
    const long = { kind: 'text', text: 'x'.repeat(45) } as const;
    expect(gate.receive(message(long), 'input', 0)).toEqual([]);
    expect(gate.receive(message(long), 'input', 1000)).toHaveLength(1);
  });

  it('whatever comes in, all that went down can be let go and nothing is down twice', () => {
    const record = fc.oneof(
      fc
        .record({ usage: fc.integer({ min: 0, max: 0x100 }), down: fc.boolean() })
        .map(({ usage, down }) => key(usage, down)),
      fc
        .record({ down: fc.boolean(), which: fc.integer({ min: 0, max: 4 }) })
        .map(({ down, which }) => button(down, 1, which)),
      fc.constant<InputRecord>({ kind: 'release-all' }),
    );
    fc.assert(
      fc.property(fc.array(record, { maxLength: 60 }), (records) => {
        const gate = opened();
        const down = new Set<string>();
        const apply = (list: readonly unknown[]): void => {
          for (const event of list as {
            kind: string;
            usage?: number;
            button?: number;
            down?: boolean;
          }[]) {
            if (event.kind === 'pointer') continue;
            const name = `${event.kind}${event.usage ?? event.button}`;
            if (event.down === true) down.add(name);
            else expect(down.delete(name)).toBe(true);
          }
        };
        for (const one of records) apply(events(gate.receive(message(one), 'input', 0)));
        apply(gate.close());
        expect(down.size).toBe(0);
      }),
    );
  });

  it('never throws, whatever the bytes', () => {
    const gate = opened();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), fc.boolean(), (bytes, pointer) => {
        gate.receive(bytes, pointer ? 'pointer' : 'input', 0);
      }),
    );
  });
});
