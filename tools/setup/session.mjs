import { EventEmitter } from 'node:events';
import { join } from 'node:path';
import { DemoDesktop } from './demo-desktop.mjs';
import { LogFile } from './log-file.mjs';
import { shownLinks } from './links.mjs';
import { bindsAll, origin } from './network.mjs';
import { Service } from './service.mjs';

const READY_MS = 60_000;

/**
 * Everything `npm start` runs: the demo desktop if there is one, signaling, the host agent. It
 * starts them in this order and ends them in reverse, restarts signaling and the agent when they
 * end unasked (the room code stays), and keeps the status file true.
 *
 * Events: `ready` (links), `changed` (status for statusText), `note` (text), `lost` (error: the
 * session can't go on).
 */
export class Session extends EventEmitter {
  #options;
  #demo;
  #signaling;
  #agent;
  #display;
  #xauthority;
  #announced; // the agent's `ready` message; undefined until the first
  #up = { signaling: false, agent: false };
  #status = {};
  #closing;

  /**
   * @param {object} options
   * @param {string} options.root the repository
   * @param {string} options.node
   * @param {object} options.env environment of children
   * @param {(command: string, args: string[]) => object} options.own see own-process.mjs
   * @param {import('./status-file.mjs').StatusFile} options.statusFile
   * @param {{ kind: string, display?: string }} options.desktop
   * @param {{ local: string, lan: string[] }} options.origins
   * @param {string[]} options.allowedOrigins pages that may talk to signaling; ALLOWED_ORIGINS in the
   *   environment names more
   * @param {string} options.basePath of the page, where a proxy shows it at one; BASE_PATH in the
   * environment goes over it
   * @param {{ cert: string, key: string, generated: boolean } | undefined} options.tls
   */
  constructor(options) {
    super();
    this.#options = options;
  }

  async start() {
    await this.#openDesktop();
    await this.#startSignaling();
    await this.#startAgent();
    this.emit('ready', this.links());
  }

  /** What to show: the link of this machine, those for others, one to watch only, the code, the display. */
  links() {
    const { origins } = this.#options;
    const agentOrigin = this.#signalingUrl('127.0.0.1').replace(/^ws/, 'http');
    return {
      ...shownLinks(this.#announced, { agentOrigin, origins }),
      roomCode: this.#announced.roomCode,
      display: this.#display,
    };
  }

  async #openDesktop() {
    const { desktop, env, node, own } = this.#options;
    if (desktop.kind === 'display') {
      this.#display = desktop.display;
      return;
    }
    const logFolder = this.#logFolder();
    const onLost = (error) => this.emit('lost', error);
    const onNote = (text) => this.emit('note', text);
    this.#demo = new DemoDesktop({ node, env, logFolder, own, onLost, onNote });
    const { display, xauthority } = await this.#demo.start();
    this.#display = display;
    this.#xauthority = xauthority;
  }

  async #startSignaling() {
    this.#signaling = this.#service('Signaling', 'signaling', () => this.#launchSignaling());
    const ready = this.#signaling.message('ready', READY_MS);
    this.#signaling.start();
    await ready;
    this.#watch(this.#signaling, 'signaling');
  }

  async #startAgent() {
    this.#agent = this.#service('The host agent', 'host-agent', () => this.#launchAgent());
    this.#agent.on('message', (message) => {
      if (message?.type === 'status') this.#status = message;
      if (message?.type === 'status') this.#changed();
    });
    const ready = this.#agent.message('ready', READY_MS);
    this.#agent.start();
    this.#announced = await ready;
    this.#watch(this.#agent, 'agent');
  }

  /** From its first `ready` on, a service that ends is started again. */
  #watch(service, part) {
    this.#up[part] = true;
    service.restart = true;
    service.on('message', (message) => {
      if (message?.type !== 'ready') return;
      this.#up[part] = true;
      if (part === 'agent') this.#announced = message;
      this.emit('note', `${service.name} runs again.`);
      this.#changed();
    });
    service.on('exit', (how) => {
      this.#up[part] = false;
      if (part === 'agent') this.#status = {};
      this.emit('note', `${service.name} ended (${how.text}) and is started again.`);
      this.#changed();
    });
    this.#changed();
  }

  #changed() {
    if (this.#closing !== undefined || this.#announced === undefined) return;
    const { signaling, agent } = this.#up;
    this.#options.statusFile.write({
      ready: signaling && agent,
      viewerUrl: this.links().local,
      signalingUrl: this.#signalingUrl('localhost'),
      roomCode: this.#announced.roomCode,
      display: this.#display,
      pids: { signaling: this.#signaling.pid, hostAgent: this.#agent.pid },
    });
    this.emit('changed', { signaling, agent, status: this.#status });
  }

  #signalingUrl(name) {
    const { host, port, tls } = this.#options;
    const reached = bindsAll(host) || host.startsWith('127.') ? name : host;
    return origin({ https: tls !== undefined, host: reached, port }).replace(/^http/, 'ws');
  }

  #service(name, file, launch) {
    const log = new LogFile(join(this.#logFolder(), `${file}.log`));
    return new Service({ name, launch, log, ipc: true });
  }

  #launchSignaling() {
    const { root, env, node, own, host, port, tls, allowedOrigins, basePath } = this.#options;
    const secure = tls === undefined ? {} : { TLS_CERT_FILE: tls.cert, TLS_KEY_FILE: tls.key };
    return {
      ...own(node, [join(root, 'apps/signaling/dist/main.js')]),
      cwd: join(root, '.peerdeck'),
      env: {
        ...env,
        NODE_ENV: 'production',
        HOST: host,
        WS_PORT: String(port),
        HEALTH_HOST: '127.0.0.1',
        HEALTH_PORT: '0',
        REDIS_URL: '', // one node needs none
        ALLOWED_ORIGINS: [...allowedOrigins, env.ALLOWED_ORIGINS ?? ''].join(','),
        BASE_PATH: env.BASE_PATH ?? basePath,
        STATIC_DIR: join(root, 'apps/web-client/dist'),
        HOST_BINDINGS_FILE: join(root, '.peerdeck/host-bindings.json'),
        DRAIN_MS: '1000',
        ...secure,
      },
    };
  }

  #launchAgent() {
    const { root, env, node, own, tls, config, agentArguments } = this.#options;
    const args = [join(root, 'apps/host-agent/dist/main.js')];
    args.push('--signaling-url', this.#signalingUrl('127.0.0.1'));
    args.push('--display', this.#display);
    if (config !== undefined) args.push('--config', config);
    // A code was made anew once; a restart keeps it.
    const first = this.#announced === undefined;
    const more = agentArguments.filter((argument) => first || argument !== '--new-code');
    return {
      ...own(node, [...args, ...more]),
      cwd: join(root, '.peerdeck'),
      env: {
        ...env,
        NODE_ENV: 'production',
        ...(this.#xauthority === undefined ? {} : { XAUTHORITY: this.#xauthority }),
        ...(tls === undefined ? {} : tls.agentEnvironment),
      },
    };
  }

  #logFolder() {
    return join(this.#options.root, '.peerdeck/logs', String(this.#options.port));
  }

  /** Ends everything in order. Idempotent; safe after a start that failed half-way. */
  close() {
    this.#closing ??= (async () => {
      await this.#agent?.stop(8000); // tells its viewers
      await this.#signaling?.stop(5000);
      await this.#demo?.close();
      this.#options.statusFile.close();
    })();
    return this.#closing;
  }

  /** Ends everything at once. */
  kill() {
    this.#closing ??= Promise.resolve();
    this.#agent?.kill();
    this.#signaling?.kill();
    this.#demo?.kill();
    this.#options.statusFile.close();
  }
}
