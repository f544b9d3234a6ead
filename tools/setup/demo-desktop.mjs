import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCommand } from './command.mjs';
import { SetupError } from './errors.mjs';
import { LogFile } from './log-file.mjs';
import { Service } from './service.mjs';

const DEMO = fileURLToPath(new URL('./demo', import.meta.url));
const SCREEN = '1280x720x24';
const START_MS = 20_000;
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
 * `onLost(name)` is called when the X server ends by itself: nothing is left to share then.
 */
export class DemoDesktop {
  #options;
  #folder;
  #server;
  #programs = [];
  #closed = false;

  /** @param {{ node: string, env: object, logFolder: string, own: Function, onLost: Function }} options */
  constructor(options) {
    this.#options = options;
  }

  /** @returns {Promise<{ display: string, xauthority: string }>} */
  async start() {
    this.#folder = mkdtempSync(join(tmpdir(), 'peerdeck-demo-'));
    const cookieFile = join(this.#folder, 'Xauthority');
    writeFileSync(cookieFile, xauthority(randomBytes(16)), { mode: 0o600 });
    const display = await this.#startServer(cookieFile);
    const env = this.#sessionEnvironment(display, cookieFile);
    await this.#decorate(env);
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

  async #decorate(env) {
    const rc = join(this.#folder, 'rc.xml');
    const text = readFileSync(join(DEMO, 'rc.xml'), 'utf8').replaceAll('@FOLDER@', DEMO);
    writeFileSync(rc, text);
    this.#program('openbox', 'openbox', ['--sm-disable', '--config-file', rc], env);
    const gradient = ['-add', '#0b1f33', '-add', '#1d5c7a', '-add', '#3a8f8a', '-gradient', '155'];
    const painted = await runCommand('hsetroot', gradient, { env });
    if (painted.code !== 0) {
      throw new SetupError('The demo desktop could not be set up: hsetroot failed.', {
        detail: painted.output,
        remedy: 'Share a desktop of yours with --display :N.',
      });
    }
    const terminal = ['-title', 'Terminal', '-geometry', '62x24+48+96', '-fs', '11', ...LOOK];
    this.#program('terminal', 'xterm', [...terminal, '-e', 'sh', join(DEMO, 'terminal.sh')], env);
    const pond = ['-title', 'Pond: click me', '-geometry', '60x22-48+96', '-fs', '10', ...LOOK];
    const ripples = ['-e', this.#options.node, join(DEMO, 'ripples.mjs')];
    this.#program('pond', 'xterm', [...pond, ...ripples], env);
  }

  /** A viewer may close a window; it comes back, for a demo without one shows nothing. */
  #program(name, command, args, env) {
    const launch = () => ({ ...this.#options.own(command, args), env });
    const service = new Service({ name, launch, log: this.#log(name), restart: true });
    this.#programs.push(service);
    service.start();
  }

  #log(name) {
    return new LogFile(join(this.#options.logFolder, `demo-${name}.log`));
  }

  async close() {
    if (this.#closed) return;
    this.#closed = true;
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
