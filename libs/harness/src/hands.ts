import { Child } from './child.ts';
import { xhands } from './paths.ts';

/** Keysyms of keys that are no letters (X11/keysymdef.h). */
const KEYSYMS = {
  BackSpace: 0xff08,
  Escape: 0xff1b,
  Left: 0xff51,
  Control: 0xffe3,
  Alt: 0xffe9,
} as const;

export type KeyName = keyof typeof KEYSYMS | (string & {});

/** Hands at the keyboard and mouse of an X server: XTEST, see xhands/main.c. */
export class Hands {
  readonly #child: Child;

  constructor(display: string) {
    this.#child = new Child({ name: 'xhands', command: xhands, args: ['--display', display] });
  }

  async ready(): Promise<void> {
    await this.#child.waitForLine(/^ready$/, 10_000);
  }

  /** Types lower-case letters, digits and spaces. */
  async type(text: string): Promise<void> {
    for (const character of text) await this.chord(character);
  }

  /** Presses the keys in this order, and lets them go in reverse. */
  async chord(...keys: readonly KeyName[]): Promise<void> {
    const keysyms = keys.map((key) => KEYSYMS[key as keyof typeof KEYSYMS] ?? key.charCodeAt(0));
    for (const keysym of keysyms) await this.#do(`down ${keysym}`);
    for (const keysym of keysyms.reverse()) await this.#do(`up ${keysym}`);
  }

  /** 1 left, 2 middle, 3 right, 8 back, 9 forward. */
  async click(button: number): Promise<void> {
    await this.#do(`press ${button}`);
    await this.#do(`release ${button}`);
  }

  async move(x: number, y: number): Promise<void> {
    await this.#do(`move ${Math.round(x)} ${Math.round(y)}`);
  }

  close(): Promise<void> {
    return this.#child.close();
  }

  async #do(command: string): Promise<void> {
    const from = this.#child.logLength;
    this.#child.write(command);
    const [line] = await this.#child.waitForLine(/^(done$|refused )/, 5000, from);
    if (line !== 'done') throw new Error(`xhands could not: ${command}`);
  }
}
