const MARK = { done: ['✓', 32], fail: ['✗', 31], note: ['•', 36], warn: ['!', 33] };

/** Seconds as people read them: 0.4 s, 12 s, 2 min 5 s. */
export function duration(ms) {
  const seconds = ms / 1000;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  if (Math.round(seconds) < 60) return `${Math.round(seconds)} s`;
  const minutes = Math.floor(Math.round(seconds) / 60);
  return `${minutes} min ${Math.round(seconds) - minutes * 60} s`;
}

/** Bytes as people read them, in powers of 1000 as apt does it. */
export function megabytes(bytes) {
  const mb = bytes / 1e6;
  if (mb >= 1000) return `${(mb / 1000).toFixed(1)} GB`;
  return mb >= 10 ? `${Math.round(mb)} MB` : `${mb.toFixed(1)} MB`;
}

/** What the user sees: one line for each step. In a terminal a running step shows its seconds. */
export class Report {
  #out;
  #clock;
  #live;
  #colour;
  #bottom = '';

  constructor({ out = process.stdout, env = process.env, clock = Date.now } = {}) {
    this.#out = out;
    this.#clock = clock;
    this.#live = out.isTTY === true && env.TERM !== 'dumb';
    this.#colour = this.#live && env.NO_COLOR === undefined;
  }

  get live() {
    return this.#live;
  }

  line(text = '') {
    const bottom = this.#bottom;
    this.#out.write(bottom === '' ? `${text}\n` : `\r\x1b[K${text}\n${bottom}`);
  }

  /** The line that stays at the bottom of a terminal; elsewhere nothing. '' takes it away. */
  bottom(text) {
    if (!this.#live) return;
    const fitting = text.slice(0, (this.#out.columns ?? 80) - 1);
    if (fitting !== this.#bottom) this.#out.write(`\r\x1b[K${fitting}`);
    this.#bottom = fitting;
  }

  note(text) {
    this.line(`${this.#mark('note')} ${text}`);
  }

  done(text) {
    this.line(`${this.#mark('done')} ${text}`);
  }

  warn(text) {
    this.line(`${this.#mark('warn')} ${text}`);
  }

  failed(text) {
    this.line(`${this.#mark('fail')} ${text}`);
  }

  /** A failure: its output, what is wrong, what helps. Anything but a SetupError is a fault. */
  fail(error) {
    if (error.detail) this.line(error.detail.trimEnd());
    if (error.remedy === undefined) this.line(error.stack ?? String(error));
    else this.failed(error.message);
    if (error.remedy) this.line(`  → ${error.remedy}`);
  }

  /** Runs `work` under one line. `work` may return a text that is added to that line. */
  async step(title, work) {
    const began = this.#clock();
    const show = () => this.#out.write(`\r\x1b[K… ${title} (${duration(this.#clock() - began)})`);
    if (this.#live) show();
    const ticker = this.#live ? setInterval(show, 1000) : undefined;
    const finish = (kind, more) => {
      clearInterval(ticker);
      const text = `${this.#mark(kind)} ${title}${more} (${duration(this.#clock() - began)})`;
      this.#out.write(`${this.#live ? '\r\x1b[K' : ''}${text}\n`);
    };
    try {
      const result = await work();
      finish('done', typeof result === 'string' ? `: ${result}` : '');
      return result;
    } catch (error) {
      finish('fail', '');
      throw error;
    }
  }

  #mark(kind) {
    const [sign, code] = MARK[kind];
    return this.#colour ? `\x1b[${code}m${sign}\x1b[0m` : sign;
  }
}
