import { EventRouter } from './event-router.ts';
import type { EventRecord } from './record-decoder.ts';

const event = (handle: number, type = 1, payload = new Uint8Array(0)): EventRecord => ({
  type,
  channel: 0,
  handle,
  timeUs: 0,
  payload,
});

describe('EventRouter', () => {
  it('hands each record to the owner of its handle', () => {
    const router = new EventRouter({ log: () => undefined });
    const seen: string[] = [];
    router.register(1, () => seen.push('one'));
    router.register(2, () => seen.push('two'));
    router.dispatch(event(2));
    router.dispatch(event(1));
    router.unregister(1);
    router.dispatch(event(1));
    expect(seen).toEqual(['two', 'one']);
  });

  it('keeps what came before its handle was known, in order, with its own bytes', async () => {
    const router = new EventRouter({ log: () => undefined, orphanLimit: 2 });
    const bytes = Uint8Array.of(7);
    router.dispatch(event(9, 1));
    router.dispatch(event(9, 2, bytes));
    router.dispatch(event(9, 3));
    bytes[0] = 0;
    const seen: EventRecord[] = [];
    router.register(9, (record) => seen.push(record));
    expect(seen).toEqual([]);
    await new Promise((resolve) => setImmediate(resolve));
    expect(seen.map((record) => record.type)).toEqual([2, 3]);
    expect(seen[0]?.payload).toEqual(Uint8Array.of(7));
  });

  it('logs what a listener throws and what a library says', () => {
    const lines: string[] = [];
    const router = new EventRouter({ log: (entry) => lines.push(entry.message) });
    router.register(1, () => {
      throw new Error('listener fault');
    });
    router.dispatch(event(1));
    router.dispatch(event(0, 64, Buffer.from('{"level":"warn","message":"hello"}')));
    router.dispatch(event(0, 64, Buffer.from('not json')));
    expect(lines[0]).toContain('listener fault');
    expect(lines[1]).toBe('hello');
    expect(lines[2]).toContain('event 64');
  });

  it('tells of parts that fail and work again, to the log too', () => {
    const lines: string[] = [];
    const faults: string[] = [];
    const router = new EventRouter({
      log: (entry) => lines.push(`${entry.level} ${entry.message}`),
      fault: ({ part, state }, handle) => faults.push(`${handle} ${part} ${state}`),
    });
    const fault = (state: string) =>
      Buffer.from(JSON.stringify({ part: 'sink', state, times: 2, reason: 'it said -10' }));
    router.dispatch(event(4, 65, fault('failing')));
    router.dispatch(event(4, 65, fault('recovered')));
    expect(faults).toEqual(['4 sink failing', '4 sink recovered']);
    expect(lines).toEqual([
      'warn sink of 4: failed 2 times, is tried again (it said -10)',
      'info sink of 4: recovered (it said -10)',
    ]);
  });
});
