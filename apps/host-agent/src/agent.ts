import { hostname } from 'node:os';
import type { Engine, MediaHost, Stream } from '@peerdeck/native-capture';
import {
  deriveControl,
  SignalingClient,
  type SignalingClientOptions,
  type IncomingRelay,
  type MemberEvent,
  type SignalingState,
  type SocketConstructor,
  type Timers,
  type Welcome,
} from '@peerdeck/protocol';
import { Audience } from './audience.ts';
import type { Config } from './config.ts';
import type { Identity } from './identity.ts';
import type { Links } from './link.ts';
import type { Log } from './log.ts';
import { messageOf, Screen } from './screen.ts';
import { signalingProblem } from './signaling-problem.ts';
import type { HostState, HostStatus, StatusSink } from './status.ts';
import type { Membership } from './viewer.ts';

export interface AgentOptions {
  readonly config: Config;
  readonly identity: Identity;
  readonly links: Links;
  /** Makes a new code, keeps it, and gives what holds from then on. */
  readonly renew: () => { readonly identity: Identity; readonly links: Links };
  readonly display: string | undefined;
  /** Owned: close() closes it. */
  readonly host: MediaHost;
  readonly WebSocket: SocketConstructor;
  /** For the signaling service; a function is asked at each connection (token.ts). */
  readonly token?: SignalingClientOptions['token'] | undefined;
  readonly status: StatusSink;
  readonly log: Log;
  readonly timers: Timers;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

const TICK_MS = 100;
const SECOND_TICKS = 10;

/**
 * The host agent: joins its room, lets viewers in, and ends in the documented order. Everything
 * it opens it owns; close() is idempotent and safe after a start that failed half-way.
 */
export class Agent {
  readonly #options: AgentOptions;
  #engine: Engine | undefined;
  #stream: Stream | undefined;
  #screen: Screen | undefined;
  #audience: Audience | undefined;
  #signaling: SignalingClient | undefined;
  #timer: unknown;
  #ticks = 0;
  #announced = false;
  #screenProblem = '';
  #signalingProblem = '';
  #lastStatus = '';
  #identity: Identity;
  #links: Links;
  #renewing: Promise<void> = Promise.resolve();
  #closing: Promise<void> | undefined;

  constructor(options: AgentOptions) {
    this.#options = options;
    this.#identity = options.identity;
    this.#links = options.links;
  }

  get isClosing(): boolean {
    return this.#closing !== undefined;
  }

  /** Opens the engine, checks the source, and starts to join. Throws what the source says. */
  async start(): Promise<void> {
    const { host, config, display, log, timers } = this.#options;
    this.#report();
    this.#engine = await host.openEngine(engineOptions(config));
    this.#stream = await this.#engine.openStream();
    const screen = new Screen({ host, stream: this.#stream, config, display, log, timers });
    this.#screen = screen;
    const info = await screen.check();
    log.info({ ...info }, 'source');
    if (this.#closing !== undefined) return;
    screen.on('lost', (reason) => {
      this.#screenProblem = `The screen is gone: ${reason}. Retrying.`;
      this.#report();
    });
    screen.on('changed', () => {
      this.#screenProblem = '';
      this.#report();
    });
    this.#join(this.#engine, screen);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /**
   * The owner removes the viewer of this session, or all of them; they are told, and refused for a
   * time. With a new code the old links open nothing any more, for anybody. Gives how many.
   */
  async kick(options: { readonly session?: string; readonly newCode: boolean }): Promise<number> {
    const all = options.newCode ? undefined : options.session;
    const count = (await this.#audience?.kick(all)) ?? 0;
    this.#options.log.warn({ count, newCode: options.newCode }, 'the owner removed viewers');
    if (options.newCode) {
      this.#renewing = this.#renewing.then(() => this.#renew());
      await this.#renewing;
    }
    return count;
  }

  /** Leaves the room and opens one under a new code. */
  async #renew(): Promise<void> {
    const [engine, screen, audience] = [this.#engine, this.#screen, this.#audience];
    if (engine === undefined || screen === undefined || audience === undefined) return;
    if (this.#closing !== undefined) return;
    const { identity, links } = this.#options.renew();
    audience.shut();
    await audience.endAll('kicked');
    audience.close();
    await this.#signaling?.leave('new code');
    if (this.isClosing) return;
    this.#identity = identity;
    this.#links = links;
    this.#announced = false;
    this.#join(engine, screen);
    this.#onAudience();
  }

  #join(engine: Engine, screen: Screen): void {
    const identity = this.#identity;
    const { config, log, now, timers, token, WebSocket } = this.#options;
    const { controlKey, viewKey, roomId } = deriveControl(identity.code);
    const hostName = config.host.name === '' ? hostname() : config.host.name;
    const signaling = new SignalingClient({
      url: config.client.serverUrlBase,
      room: roomId,
      role: 'host',
      WebSocket,
      timers,
      now,
      name: hostName.slice(0, 64),
      hostKey: identity.hostKey,
      maxViewers: config.host.maxViewers,
      ...(token === undefined ? {} : { token }),
    });
    const audience = new Audience({
      engine,
      screen,
      config,
      keys: { control: controlKey, view: viewKey },
      hostKey: identity.hostKey,
      hostName,
      send: (message) => void signaling.send(message),
      kick: (peerId, blockMs) => void signaling.kick(peerId, blockMs),
      isMember: (peerId) => signaling.members.some((member) => member.peerId === peerId),
      iceServers: () => [...config.iceServers, ...signaling.iceServers].map(bare),
      log,
      now,
    });
    this.#signaling = signaling;
    this.#audience = audience;
    audience.on('changed', () => this.#onAudience());
    signaling.on('welcome', (welcome) => this.#guard(() => this.#onWelcome(welcome)));
    signaling.on('message', (message) => this.#guard(() => this.#onMessage(message)));
    signaling.on('state', (state) => this.#guard(() => this.#onSignaling(state)));
    signaling.on('error', ({ code, message, field, fatal }) =>
      log.warn({ error: code, message, field, fatal, ...this.#mark }, 'signaling error'),
    );
    signaling.connect();
  }

  /** Whatever a message does to us, it is no reason to end: others are being served. */
  #guard(handle: () => void): void {
    try {
      handle();
    } catch (error) {
      this.#options.log.error({ error: messageOf(error) }, 'a message could not be handled');
    }
  }

  #onWelcome(welcome: Welcome): void {
    this.#options.log.info({ resumed: welcome.resumed, ...this.#mark }, 'joined the room');
    this.#signalingProblem = '';
    this.#report();
    const present = new Map<string, Membership>(
      welcome.members.map((member) => [member.peerId, member.state]),
    );
    this.#audience?.members(present);
    if (this.#announced) return;
    this.#announced = true;
    const { config, status } = this.#options;
    const { viewerUrl, viewUrl } = this.#links;
    const signalingUrl = config.client.serverUrlBase;
    const now = { ...this.#status(), type: 'ready' } as const;
    status.ready({ ...now, viewerUrl, viewUrl, signalingUrl, pid: process.pid });
    this.#report();
  }

  #onMessage(message: IncomingRelay | MemberEvent): void {
    const audience = this.#audience;
    if (audience === undefined) return;
    switch (message.type) {
      case 'offer':
        audience.offer(message);
        return;
      case 'candidate':
        audience.candidate(message);
        return;
      case 'member-resumed':
        audience.member(message.peerId, 'connected');
        return;
      case 'member-detached':
        audience.member(message.peerId, 'detached');
        return;
      case 'member-left':
        audience.member(message.peerId, 'gone');
        return;
      default: // answers, metrics and the like are not for a host
    }
  }

  /** What the service's own logs call this connection. */
  get #mark(): { connection: string | undefined; trace: string | undefined } {
    return { connection: this.#signaling?.connection, trace: this.#signaling?.trace };
  }

  #onSignaling(state: SignalingState): void {
    const { log, config } = this.#options;
    if (this.#closing !== undefined) return;
    if (state.state !== 'reconnecting') return;
    const { inMs, reason, code, cause } = state;
    const problem = signalingProblem(config.client.serverUrlBase, state);
    log.warn({ inMs, reason, closeCode: code, cause, problem, ...this.#mark }, 'signaling lost');
    this.#signalingProblem = problem;
    this.#report();
  }

  /** The clock runs only while somebody is here. */
  #onAudience(): void {
    const { timers } = this.#options;
    const wanted = (this.#audience?.size ?? 0) > 0 && this.#closing === undefined;
    if (wanted && this.#timer === undefined) {
      this.#timer = timers.set(() => this.#tick(), TICK_MS);
    } else if (!wanted && this.#timer !== undefined) {
      timers.clear(this.#timer);
      this.#timer = undefined;
    }
    this.#report();
  }

  #tick(): void {
    const { timers, now } = this.#options;
    this.#timer = timers.set(() => this.#tick(), TICK_MS);
    this.#audience?.tick(now());
    this.#ticks += 1;
    if (this.#ticks % SECOND_TICKS !== 0) return;
    this.#audience?.tellStats();
    this.#exportMetrics();
    this.#report();
  }

  #exportMetrics(): void {
    if (!this.#options.config.host.video.exportMetrics) return;
    const stats = this.#screen?.stats();
    if (stats === undefined) return;
    const { queueDepth, overwriteDrops, backpressureSkips, outOfOrder, vpGpuMs } = stats;
    const metrics = { queueDepth, overwriteDrops, backpressureSkips, outOfOrder, vpGpuMs };
    for (const to of this.#audience?.readyPeers() ?? []) {
      this.#signaling?.send({ type: 'video-metrics', to, ...metrics });
    }
  }

  #report(): void {
    const status = this.#status();
    const text = JSON.stringify(status);
    if (text === this.#lastStatus) return;
    this.#lastStatus = text;
    this.#options.status.status(status);
  }

  #status(): HostStatus {
    const { display } = this.#options;
    const links = this.#links;
    const present = this.#audience?.roster() ?? [];
    const viewers = present.length;
    const info = this.#screen?.info;
    const stats = viewers > 0 ? this.#screen?.stats() : undefined;
    return {
      type: 'status',
      state: this.#state(viewers),
      viewers,
      present,
      roomCode: links.roomCode,
      viewCode: links.viewCode,
      display: display ?? '',
      width: info?.width ?? 0,
      height: info?.height ?? 0,
      encoder: info?.encoder ?? '',
      fps: stats?.fps ?? 0,
      bitrateBps: stats?.bitrateBps ?? 0,
      problem: [this.#screenProblem, this.#signalingProblem].filter(Boolean).join(' '),
    };
  }

  #state(viewers: number): HostState {
    if (this.#closing !== undefined) return 'ended';
    if (!this.#announced) return 'starting';
    return viewers > 0 ? 'streaming' : 'waiting';
  }

  /** The closing order of docs/architecture.md; a step that fails does not stop the next. */
  async #close(): Promise<void> {
    const { host, log, timers } = this.#options;
    if (this.#timer !== undefined) timers.clear(this.#timer);
    const steps: [string, () => Promise<unknown> | undefined][] = [
      ['viewers told', async () => this.#audience?.tellEnded('host-closed')],
      ['input', async () => this.#audience?.shut()],
      ['screen', () => this.#screen?.close()],
      ['viewers', () => this.#audience?.endAll('host-closed')],
      ['signaling', () => this.#signaling?.leave('host closed')],
      ['engine', () => this.#engine?.close()],
      ['media host', () => host.close()],
    ];
    for (const [name, step] of steps) {
      try {
        await step();
        log.debug({ step: name }, 'closed');
      } catch (error) {
        log.error({ step: name, error: messageOf(error) }, 'closing failed');
      }
    }
    this.#screenProblem = '';
    this.#signalingProblem = '';
    this.#report();
    this.#options.status.close();
  }
}

function engineOptions(config: Config) {
  const { network, maxViewers, video } = config.host;
  const { interfaces, includeLoopback, mdns, udpPortMin, udpPortMax } = network;
  return {
    mdns,
    includeLoopback,
    udpPortMin,
    udpPortMax,
    // Places, one that displaces a watcher for each, and those that still close.
    maxPeers: maxViewers * 3,
    bitrateBps: video.bitrateStart,
    ...(interfaces.length === 0 ? {} : { interfaces }),
  };
}

/** Without keys that are undefined: the native side refuses what it does not know. */
function bare(server: {
  readonly urls: readonly string[];
  readonly username?: string | undefined;
  readonly credential?: string | undefined;
}) {
  const { urls, username, credential } = server;
  return {
    urls,
    ...(username === undefined ? {} : { username }),
    ...(credential === undefined ? {} : { credential }),
  };
}
