/** Frames kept for a member between its join and its welcome, and their characters. */
const MAX_FRAMES = 256;
const MAX_CHARACTERS = 2 ** 20;

/**
 * What others send to a member whose join is under way. More than the bound is not taken; what the
 * service itself has to say finds its place beside that, up to twice the bound.
 */
export class EarlyFrames {
  readonly #frames: string[] = [];
  #characters = 0;

  hasTimeFor(frame: string): boolean {
    return this.#frames.length < MAX_FRAMES && this.#characters + frame.length <= MAX_CHARACTERS;
  }

  /** False: the service has more to say than is kept. */
  push(frame: string): boolean {
    if (this.#frames.length >= MAX_FRAMES * 2) return false;
    this.#characters += frame.length;
    this.#frames.push(frame);
    return true;
  }

  *[Symbol.iterator](): Iterator<string> {
    yield* this.#frames;
  }
}
