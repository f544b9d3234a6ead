import { Child } from './child.ts';
import { xprobe } from './paths.ts';

export type Scene = 'still' | 'scroll' | 'game' | 'noise';

/** Times are CLOCK_MONOTONIC, microseconds. */
export type XInput =
  | { event: 'key'; down: boolean; keycode: number; keysym: string; state: number; us: number }
  | { event: 'button'; down: boolean; button: number; x: number; y: number; us: number }
  | { event: 'motion'; x: number; y: number; us: number };

/** The X client with known content; see xprobe/main.c. */
export class Probe {
  /** When each paint was handed to the X server, by its number. */
  readonly paints = new Map<number, number>();
  /** The input that reached the window, in order. */
  readonly input: XInput[] = [];
  readonly #child: Child;

  constructor(display: string, scene: Scene = 'still') {
    this.#child = new Child({
      name: 'xprobe',
      command: xprobe,
      args: ['--display', display, '--scene', scene],
      onLine: (line) => this.#take(line),
    });
  }

  get log(): string {
    return this.#child.log;
  }

  get pid(): number {
    return this.#child.pid;
  }

  async ready(): Promise<void> {
    await this.#child.waitForLine(/^ready /, 10_000);
  }

  async scene(scene: Scene): Promise<void> {
    await this.#command(`scene ${scene}`, /^scene /, 10_000);
  }

  /** Both counters back to 0. */
  async reset(): Promise<void> {
    await this.#command('reset', /^reset$/, 5000);
    this.paints.clear();
  }

  /** One paint. -> its number. */
  async paint(): Promise<number> {
    const line = await this.#command('paint', /^paint (\d+) /, 5000);
    return Number(line[1]);
  }

  /** `count` paints at `hz`, to the end. */
  async run(hz: number, count: number): Promise<void> {
    await this.#command(`run ${hz} ${count}`, /^done /, (count / hz) * 3000 + 10_000);
  }

  start(hz: number): void {
    this.#child.write(`run ${hz} 0`);
  }

  async stop(): Promise<void> {
    await this.#command('stop', /^done /, 5000);
  }

  close(): Promise<void> {
    return this.#child.close();
  }

  #command(command: string, answer: RegExp, timeoutMs: number): Promise<RegExpMatchArray> {
    const from = this.#child.logLength;
    this.#child.write(command);
    return this.#child.waitForLine(answer, timeoutMs, from);
  }

  #take(line: string): void {
    if (line.startsWith('{')) {
      this.input.push(JSON.parse(line) as XInput);
      return;
    }
    const [word, number, us] = line.split(' ');
    if (word === 'paint') this.paints.set(Number(number), Number(us));
  }
}
