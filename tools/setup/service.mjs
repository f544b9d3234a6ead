import { spawn } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { SetupError } from './errors.mjs';

/** Delays before restarts; the last one repeats. A run of STEADY_MS starts the list anew. */
const RESTART_MS = [500, 1000, 2000, 5000, 10_000];
const STEADY_MS = 30_000;

/**
 * A child process that this program owns: it has a process group of its own, so that Ctrl-C in the
 * terminal does not reach it before its turn, and so that what it leaves behind can be ended too.
 *
 * Events: `message` (its IPC messages), `exit` ({ code, signal, text, restartMs }: it ended unasked;
 * null restartMs means for good).
 */
export class Service extends EventEmitter {
  #options;
  #child;
  #exited = Promise.resolve();
  #stopping = false;
  #failures = 0;
  #startedAt = 0;
  #timer;

  /** Start it again when it ends unasked. May be switched on later, once the first start worked. */
  restart;

  /**
   * @param {object} options
   * @param {string} options.name as users read it
   * @param {() => { command: string, args: string[], env: object, cwd?: string }} options.launch
   *   asked before each start
   * @param {import('./log-file.mjs').LogFile} options.log
   * @param {boolean} [options.ipc] with a message channel
   * @param {boolean} [options.restart] start it again when it ends unasked
   * @param {boolean} [options.output] pass its descriptor 3 on, see `fd3`
   */
  constructor(options) {
    super();
    this.#options = { clock: Date.now, ...options };
    this.restart = options.restart === true;
  }

  get name() {
    return this.#options.name;
  }

  get pid() {
    return this.#child?.pid ?? null;
  }

  get log() {
    return this.#options.log;
  }

  /** What the child writes to descriptor 3, when `output` was asked for. */
  get fd3() {
    return this.#child?.stdio[3];
  }

  start() {
    const { launch, log, ipc, output, clock } = this.#options;
    const { command, args, env, cwd } = launch();
    const extra = ipc ? ['ipc'] : output ? ['pipe'] : [];
    const stdio = ['ignore', 'pipe', 'pipe', ...extra];
    const child = spawn(command, args, { env, cwd, stdio, detached: true });
    this.#child = child;
    this.#startedAt = clock();
    child.stdout.on('data', (chunk) => log.write(chunk));
    child.stderr.on('data', (chunk) => log.write(chunk));
    child.on('message', (message) => this.emit('message', message));
    this.#exited = new Promise((resolve) => {
      child.once('error', (error) => {
        log.write(Buffer.from(`${command}: ${error.message}\n`));
        this.#ended(child, { code: null, signal: null });
        resolve();
      });
      child.once('exit', (code, signal) => {
        this.#ended(child, { code, signal });
        resolve();
      });
    });
  }

  #ended(child, how) {
    killGroup(child.pid); // what it started and did not end
    if (this.#child === child) this.#child = undefined;
    if (this.#stopping) return;
    if (this.#options.clock() - this.#startedAt >= STEADY_MS) this.#failures = 0;
    const delay = RESTART_MS[Math.min(this.#failures, RESTART_MS.length - 1)];
    const restartMs = this.restart ? delay : null;
    this.#failures += 1;
    this.emit('exit', { ...how, text: describeExit(how), restartMs });
    if (restartMs !== null && !this.#stopping) {
      this.#timer = setTimeout(() => this.start(), restartMs);
    }
  }

  /** Resolves with the first message of this type; rejects when the child ends before, or is late. */
  message(type, deadlineMs) {
    return new Promise((resolve, reject) => {
      const done = (settle, value) => {
        clearTimeout(timer);
        this.off('message', onMessage);
        this.off('exit', onExit);
        settle(value);
      };
      const onMessage = (message) => message?.type === type && done(resolve, message);
      const onExit = (how) => done(reject, this.failure(how));
      const timer = setTimeout(() => done(reject, this.failure()), deadlineMs);
      this.on('message', onMessage);
      this.on('exit', onExit);
    });
  }

  /** The error for a start that did not succeed; its detail is what the child said last. */
  failure(how) {
    const state = how === undefined ? 'did not get ready in time' : `ended at once (${how.text})`;
    return new SetupError(`${this.name} ${state}.`, {
      detail: this.log.tail(),
      remedy: `The lines above are its own; all of them are in ${this.log.path}.`,
    });
  }

  /** Asks it to end, waits, and after `graceMs` ends it and its group by force. Idempotent. */
  async stop(graceMs = 5000) {
    this.#stopping = true;
    clearTimeout(this.#timer);
    const child = this.#child;
    if (child?.pid !== undefined) {
      child.kill('SIGTERM');
      const timer = setTimeout(() => this.kill(), graceMs);
      await this.#exited;
      clearTimeout(timer);
    }
    this.log.close();
  }

  /** Ends a child that runs but does not do what it should; with `restart` it is started again. */
  again() {
    killGroup(this.#child?.pid);
  }

  /** At once, without grace. */
  kill() {
    this.#stopping = true;
    clearTimeout(this.#timer);
    killGroup(this.#child?.pid);
  }
}

function describeExit({ code, signal }) {
  return signal === null || signal === undefined ? `exit code ${code}` : signal;
}

function killGroup(pid) {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if (error.code !== 'ESRCH') throw error; // nobody is left: that is what was wanted
  }
}
