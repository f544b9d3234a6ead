import { InputPacker } from './input-pack.ts';
import { options as pack, type CaptureLibrary } from './libraries.ts';
import type { Injector, InjectorOptions, InputEvent } from './media-host.ts';
import { NativePipeline } from './native-pipeline.ts';

/** Input into the host's desktop. Every call is short and runs on this thread. */
export class NativeInjector implements Injector {
  readonly kind: string;
  readonly #capture: CaptureLibrary;
  readonly #handle: number;
  readonly #onClosed: (injector: NativeInjector) => void;
  readonly #packer = new InputPacker();
  #closing: Promise<void> | undefined;

  static async open(
    capture: CaptureLibrary,
    options: InjectorOptions,
    onClosed: (injector: NativeInjector) => void,
  ): Promise<NativeInjector> {
    const { pipeline, ...rest } = options;
    const native = pipeline instanceof NativePipeline ? { pipeline: pipeline.handle } : {};
    const { result, out } = await capture.callOut(
      'pdc_injector_open',
      ...pack({ ...rest, ...native }),
    );
    return new NativeInjector(capture, result, kindOf(out) ?? options.kind, onClosed);
  }

  private constructor(
    capture: CaptureLibrary,
    handle: number,
    kind: string,
    onClosed: (injector: NativeInjector) => void,
  ) {
    this.#capture = capture;
    this.#handle = handle;
    this.kind = kind;
    this.#onClosed = onClosed;
  }

  inject(events: readonly InputEvent[]): number {
    if (this.#closing !== undefined) return 0;
    let applied = 0;
    for (let at = 0; at < events.length; at += this.#packer.capacity) {
      const batch = events.slice(at, at + this.#packer.capacity);
      this.#packer.pack(batch);
      const { buffer } = this.#packer;
      applied += this.#capture.callSync('pdc_injector_inject', this.#handle, buffer, batch.length);
    }
    return applied;
  }

  text(text: string): void {
    if (this.#closing !== undefined || text === '') return;
    const bytes = Buffer.from(text, 'utf8');
    this.#capture.callSync('pdc_injector_text', this.#handle, bytes, bytes.length);
  }

  releaseAll(): number {
    if (this.#closing !== undefined) return 0;
    return this.#capture.callSync('pdc_injector_release_all', this.#handle);
  }

  close(): Promise<void> {
    this.#closing ??= this.#capture
      .call('pdc_injector_close', this.#handle)
      .then(() => undefined)
      .finally(() => this.#onClosed(this));
    return this.#closing;
  }
}

function kindOf(out: string): string | undefined {
  if (out === '') return undefined;
  const parsed: unknown = JSON.parse(out);
  const kind = parsed !== null && typeof parsed === 'object' && 'kind' in parsed && parsed.kind;
  return typeof kind === 'string' ? kind : undefined;
}
