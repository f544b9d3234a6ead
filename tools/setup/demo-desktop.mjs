import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCommand } from './command.mjs';
import { SetupError } from './errors.mjs';
import { LogFile } from './log-file.mjs';
import { Service } from './service.mjs';
import { hasManager, shows, until } from './shown.mjs';
import { XDisplay } from './x11.mjs';

const DEMO = fileURLToPath(new URL('./demo', import.meta.url));
const SCREEN = '1280x720x24';
const START_MS = 20_000;
/** A cold disk makes a program's first start slow; after this long it is started again. */
const SHOW_MS = 10_000;
const ATTEMPTS = 3;
const LOOK = ['-fa', 'DejaVu Sans Mono', '-bg', '#10151c', '-fg', '#e6edf3', '-b', '8', '+sb'];

/**
 * One entry of an Xauthority file (Xau(3)): family FamilyWild with an empty number, so that it
 * holds for whatever display number the server picks.
 */
export function xauthority(cookie) {
  const field = (bytes) => {
    const size = Buffer.alloc(2);
    size.writeUInt16BE(bytes.length);
    return Buffer.concat([size, bytes]);
  };
  const name = Buffer.from('MIT-MAGIC-COOKIE-1');
  return Buffer.concat([
    Buffer.from([0xff, 0xff]),
    ...[Buffer.alloc(0), Buffer.alloc(0), name, cookie].map(field),
  ]);
}

/**
 * A small real desktop for machines without one: Xvfb with a cookie of its own, a window manager,
 * a terminal, and a picture that moves. Owns its processes and its folder of files; `close()` ends
 * and removes them, in reverse order, and may be called at any time and more than once.
 *
 * It has started when its windows can be seen. A program is started only once the window manager
 * manages, and again when its window does not show: else a viewer's first look is at a background.
 *
 * `onLost(error)` is called when the X server ends by itself: nothing is left to share then;
 * `onNote(text)` when something is missing from the picture.
 */
export class DemoDesktop {
  #options;
  #folder;
  #server;
  #x;
  #programs = [];
  #closed = false;

  /**
   * @param {{ node: string, env: object, logFolder: string, own: Function, onLost: Function,
   *   onNote: Function, showMs?: number }} options
   */
  constructor(options) {
    this.#options = { showMs: SHOW_MS, ...options };
  }

  /** @returns {Promise<{ display: string, xauthority: string }>} */
  async start() {
    this.#folder = mkdtempSync(join(tmpdir(), 'peerdeck-demo-'));
    const cookieFile = join(this.#folder, 'Xauthority');
    writeFileSync(cookieFile, xauthority(randomBytes(16)), { mode: 0o600 });
    const display = await this.#startServer(cookieFile);
    const env = this.#sessionEnvironment(display, cookieFile);
    await this.#decorate(env, await this.#connect(display, cookieFile));
    this.#x.close();
    return { display, xauthority: cookieFile };
  }

  async #startServer(cookieFile) {
    const { env, own, onLost } = this.#options;
    const args = ['-displayfd', '3', '-screen', '0', SCREEN, '-nolisten', 'tcp'];
    args.push('-auth', cookieFile, '-noreset');
    this.#server = new Service({
      name: 'The X server of the demo desktop (Xvfb)',
      launch: () => ({ ...own('Xvfb', args), env }),
      log: this.#log('xvfb'),
      output: true,
    });
    const number = this.#displayNumber();
    const display = `:${await number}`;
    this.#server.on('exit', () => !this.#closed && onLost(this.#server.failure()));
    return display;
  }

  /** Xvfb takes the first free number itself and writes it once it accepts clients. */
  #displayNumber() {
    const server = this.#server;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(server.failure()), START_MS);
      const finish = (settle, value) => {
        clearTimeout(timer);
        settle(value);
      };
      server.once('exit', (how) => finish(reject, server.failure(how)));
      server.start();
      server.fd3?.once('data', (chunk) => finish(resolve, chunk.toString('utf8').trim()));
    });
  }

  #sessionEnvironment(display, cookieFile) {
    return {
      ...{ LANG: 'C.UTF-8', HOME: homedir(), ...this.#options.env },
      ...{ DISPLAY: display, XAUTHORITY: cookieFile },
      // Of a session that this process may itself be in, which is not this one.
      ...{ WAYLAND_DISPLAY: undefined, SESSION_MANAGER: undefined },
      DBUS_SESSION_BUS_ADDRESS: undefined,
    };
  }

  async #decorate(env, x) {
    const rc = join(this.#folder, 'rc.xml');
    const text = readFileSync(join(DEMO, 'rc.xml'), 'utf8').replaceAll('@FOLDER@', DEMO);
    writeFileSync(rc, text);
    const manager = this.#program('openbox', 'openbox', ['--sm-disable', '--config-file', rc], env);
    await this.#paint(env);
    if (!(await this.#seen(manager, () => hasManager(x)))) {
      this.#options.onNote(`The demo desktop has no window manager (${manager.log.path}).`);
    }
    const terminal = ['-title', 'Terminal', '-geometry', '62x24+48+96', '-fs', '11', ...LOOK];
    const pond = ['-title', 'Pond: click me', '-geometry', '60x22-48+96', '-fs', '10', ...LOOK];
    const ripples = ['-e', this.#options.node, join(DEMO, 'ripples.mjs')];
    await Promise.all([
      this.#window('terminal', [...terminal, '-e', 'sh', join(DEMO, 'terminal.sh')], env, x),
      this.#window('pond', [...pond, ...ripples], env, x),
    ]);
  }

  async #connect(display, cookieFile) {
    try {
      this.#x = await XDisplay.open(display, cookieFile);
    } catch (cause) {
      throw Object.assign(this.#server.failure(), { cause });
    }
    return this.#x;
  }

  async #paint(env) {
    const gradient = ['-add', '#0b1f33', '-add', '#1d5c7a', '-add', '#3a8f8a', '-gradient', '155'];
    const painted = await runCommand('hsetroot', gradient, { env });
    if (painted.code === 0) return;
    throw new SetupError('The demo desktop could not be set up: hsetroot failed.', {
      detail: painted.output,
      remedy: 'Share a desktop of yours with --display :N.',
    });
  }

  async #window(name, args, env, x) {
    const program = this.#program(name, 'xterm', ['-name', name, ...args], env);
    if (await this.#seen(program, () => shows(x, name))) return;
    this.#options.onNote(`The window '${name}' of the demo desktop does not show.`);
  }

  /** Whether what a program is there for came about, if need be after a start more. */
  async #seen(program, look) {
    for (let attempt = 1; ; attempt++) {
      const stop = () => this.#closed;
      if (await until(look, { deadlineMs: this.#options.showMs, stop })) return true;
      if (this.#closed || attempt === ATTEMPTS) return this.#closed;
      program.again();
    }
  }

  /** A viewer may close a window; it comes back, for a demo without one shows nothing. */
  #program(name, command, args, env) {
    const launch = () => ({ ...this.#options.own(command, args), env });
    const service = new Service({ name, launch, log: this.#log(name), restart: true });
    if (this.#closed) return service;
    this.#programs.push(service);
    service.start();
    return service;
  }

  #log(name) {
    return new LogFile(join(this.#options.logFolder, `demo-${name}.log`));
  }

  async close() {
    if (this.#closed) return;
    this.#closed = true;
    this.#x?.close();
    await Promise.all(this.#programs.map((program) => program.stop(2000)));
    await this.#server?.stop(3000);
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true, force: true });
  }

  kill() {
    this.#closed = true;
    for (const service of [...this.#programs, this.#server]) service?.kill();
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true, force: true });
  }
}
