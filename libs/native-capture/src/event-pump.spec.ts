import { PD_ERRORS } from './abi.ts';
import { NativeError } from './errors.ts';
import { EventPump } from './event-pump.ts';
import { record } from './testing/records.ts';

/** A queue with the manners of the native one: poll waits until there is something, or a wake. */
function fakeLibrary() {
  const batches: Uint8Array[] = [];
  let waiting: (() => void) | undefined;
  return {
    outstanding: 0,
    polls: 0,
    push(batch: Uint8Array) {
      batches.push(batch);
      waiting?.();
    },
    async poll(buffer: Buffer, timeoutMs: number): Promise<number> {
      this.outstanding += 1;
      this.polls += 1;
      if (batches.length === 0 && timeoutMs > 0)
        await new Promise<void>((resolve) => (waiting = resolve));
      this.outstanding -= 1;
      const batch = batches.shift();
      if (batch === undefined) return 0;
      buffer.set(batch);
      return batch.length;
    },
    async wake() {
      waiting?.();
    },
  };
}

async function waitFor(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1));
}

describe('EventPump', () => {
  it('dispatches batches in order and never has two calls out', async () => {
    const library = fakeLibrary();
    const seen: number[] = [];
    let done: () => void = () => undefined;
    const third = new Promise<void>((resolve) => (done = resolve));
    const pump = new EventPump({
      poll: (buffer, _capacity, timeoutMs) => library.poll(buffer, timeoutMs),
      wake: () => library.wake(),
      dispatch: (one) => {
        expect(library.outstanding).toBe(0);
        if (seen.push(one.handle) === 3) done();
      },
      onError: (error) => {
        throw error;
      },
    });
    pump.start();
    pump.start();
    library.push(
      Buffer.concat([record(1, 10, new Uint8Array(3)), record(1, 11, new Uint8Array(0))]),
    );
    library.push(record(1, 12, new Uint8Array(8)));
    await third;
    expect(seen).toEqual([10, 11, 12]);
    await pump.stop();
    expect(library.outstanding).toBe(0);
  });

  it('stop wakes the call that waits, and can be called twice or before start', async () => {
    const library = fakeLibrary();
    const options = {
      poll: (buffer: Buffer, _capacity: number, timeoutMs: number) =>
        library.poll(buffer, timeoutMs),
      wake: () => library.wake(),
      dispatch: () => undefined,
      onError: (error: Error) => {
        throw error;
      },
    };
    const pump = new EventPump(options);
    pump.start();
    await pump.stop();
    await pump.stop();
    // The one that waited, and one that finds the queue empty.
    expect(library.polls).toBe(2);
    await new EventPump(options).stop();
  });

  it('dispatches what was queued before stop', async () => {
    const library = fakeLibrary();
    const seen: number[] = [];
    const pump = new EventPump({
      poll: (buffer, _capacity, timeoutMs) => library.poll(buffer, timeoutMs),
      wake: async () => {
        library.push(record(1, 1, new Uint8Array(0)));
        library.push(record(1, 2, new Uint8Array(0)));
      },
      dispatch: (one) => seen.push(one.handle),
      onError: (error) => {
        throw error;
      },
    });
    pump.start();
    await pump.stop();
    expect(seen).toEqual([1, 2]);
  });

  it('pauses while nothing is open, until it is kicked or stopped', async () => {
    const polls: (() => void)[] = [];
    let idle = true;
    const pump = new EventPump({
      isIdle: () => idle,
      poll: () => new Promise((resolve) => polls.push(() => resolve(0))),
      wake: async () => polls.at(-1)?.(),
      dispatch: () => undefined,
      onError: () => undefined,
    });
    const settle = () => new Promise((resolve) => setImmediate(resolve));
    pump.start();
    await settle();
    polls[0]?.();
    await settle();
    expect(polls).toHaveLength(1); // paused
    idle = false;
    pump.kick();
    await settle();
    expect(polls).toHaveLength(2);
    polls[1]?.();
    await settle();
    expect(polls).toHaveLength(3); // not idle: no pause
    idle = true;
    polls[2]?.();
    await settle();
    const stopped = pump.stop();
    await settle();
    polls[3]?.(); // the last look for what was queued
    await stopped;
    expect(polls).toHaveLength(4);
  });

  it('reports a batch that does not decode and goes on', async () => {
    const library = fakeLibrary();
    const errors: Error[] = [];
    const got = new Promise<number>((resolve) => {
      const pump = new EventPump({
        poll: (buffer, _capacity, timeoutMs) => library.poll(buffer, timeoutMs),
        wake: () => library.wake(),
        dispatch: (one) => {
          resolve(one.handle);
          void pump.stop();
        },
        onError: (error) => errors.push(error),
      });
      pump.start();
    });
    library.push(new Uint8Array(24));
    library.push(record(1, 5, new Uint8Array(0)));
    expect(await got).toBe(5);
    expect(errors.map((error) => error.name)).toEqual(['RecordError']);
  });

  it('goes on after a poll that failed once, and after one that failed five times', async () => {
    const library = fakeLibrary();
    const errors: string[] = [];
    const recovered: number[] = [];
    let failing = 0;
    let arrived: (handle: number) => void = () => undefined;
    const pump = new EventPump({
      poll: async (buffer, _capacity, timeoutMs) => {
        if (failing > 0) {
          failing -= 1;
          throw new Error('gone');
        }
        return library.poll(buffer, timeoutMs);
      },
      wake: () => library.wake(),
      dispatch: (one) => arrived(one.handle),
      onError: (error) => errors.push(error.message),
      onRecovered: (failures) => recovered.push(failures),
    });
    pump.start();
    for (const times of [1, 5]) {
      const next = new Promise<number>((resolve) => (arrived = resolve));
      failing = times;
      await library.wake(); // the poll that waits returns, and the next ones fail
      await waitFor(() => failing === 0);
      library.push(record(1, times, new Uint8Array(0)));
      expect(await next).toBe(times);
    }
    await pump.stop();
    expect(recovered).toEqual([1, 5]);
    expect(errors).toEqual(['gone', 'gone']); // the first of each row
  });

  it('ends at once when it is stopped while the poll fails', async () => {
    const pump = new EventPump({
      poll: async () => Promise.reject(new Error('gone')),
      wake: async () => undefined,
      dispatch: () => undefined,
      onError: () => undefined,
    });
    pump.start();
    await new Promise((resolve) => setImmediate(resolve));
    await pump.stop();
  });

  it('goes on after a dispatch that threw, with the next record of the batch', async () => {
    const library = fakeLibrary();
    const errors: string[] = [];
    const got = new Promise<number>((resolve) => {
      const pump = new EventPump({
        poll: (buffer, _capacity, timeoutMs) => library.poll(buffer, timeoutMs),
        wake: () => library.wake(),
        dispatch: (one) => {
          if (one.handle === 1) throw new Error('listener fault');
          resolve(one.handle);
          void pump.stop();
        },
        onError: (error) => errors.push(error.message),
      });
      pump.start();
    });
    const bytes = new Uint8Array(0);
    library.push(Buffer.concat([record(1, 1, bytes), record(1, 2, bytes)]));
    expect(await got).toBe(2);
    expect(errors).toEqual(['listener fault']);
  });

  it('gets a larger buffer when a record does not fit, instead of failing for ever', async () => {
    const library = fakeLibrary();
    library.push(record(1, 7, new Uint8Array(200)));
    const got = new Promise<number>((resolve) => {
      const pump = new EventPump({
        capacity: 64,
        poll: async (buffer, capacity, timeoutMs) => {
          if (capacity < 256) throw new NativeError('poll', PD_ERRORS.PD_ERR_TOO_LARGE, '');
          return library.poll(buffer, timeoutMs);
        },
        wake: () => library.wake(),
        dispatch: (one) => {
          resolve(one.handle);
          void pump.stop();
        },
        onError: () => undefined,
      });
      pump.start();
    });
    expect(await got).toBe(7);
  });
});
