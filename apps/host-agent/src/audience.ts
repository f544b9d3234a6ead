import { EventEmitter } from 'node:events';
import type { Engine, IceServer } from '@peerdeck/native-capture';
import type {
  AccessRole,
  EndedReason,
  HostAuth,
  HostControlMessage,
  HostKey,
  OutgoingRelay,
} from '@peerdeck/protocol';
import { Admission, REMOVED_MS } from './admission.ts';
import type { BitrateDecision } from './bitrate/bitrate-controller.ts';
import type { Config } from './config.ts';
import { ControlSeat } from './control-seat.ts';
import { cursorMessage, lostMessage, sessionMessage, statsMessage } from './host-messages.ts';
import type { InputAction } from './input-gate.ts';
import type { Log } from './log.ts';
import type { Screen, ScreenEvents } from './screen.ts';
import type { ViewerStatus } from './status.ts';
import { Steering } from './steering.ts';
import { TokenBucket } from './token-bucket.ts';
import { Viewer, type Candidate, type Membership, type Offer } from './viewer.ts';

export type AudienceEvents = {
  /** Somebody came or left, or the steering rate changed. */
  changed: [];
};

export interface AudienceOptions {
  readonly engine: Engine;
  readonly screen: Screen;
  readonly config: Config;
  readonly keys: Readonly<Record<AccessRole, Uint8Array>>;
  readonly hostKey: HostKey;
  readonly hostName: string;
  readonly send: (message: OutgoingRelay) => void;
  /** Whether signaling knows this peer now. */
  readonly isMember: (peerId: string) => boolean;
  /** Has signaling remove the member and refuse it for a time. */
  readonly kick: (peerId: string, blockMs: number) => void;
  readonly iceServers: () => readonly IceServer[];
  readonly log: Log;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

const FLUSH_ALL_MS = 600;
/**
 * An offer alone opens the screen for so long, so that the first picture is ready when the path
 * is. It may be one that somebody recorded before this host started, so it does so only now and
 * then; else the screen opens with the path, which nobody gets who has only a recording.
 */
const EARLY_MS = 5000;
const EARLY_STARTS = { burst: 3, perSecond: 1 / 60 };

/**
 * All viewers of this host: who may come in, who controls, whose path sets the rate, what they
 * are told. The screen runs while there is at least one of them.
 */
export class Audience extends EventEmitter<AudienceEvents> {
  readonly #options: AudienceOptions;
  readonly #viewers = new Map<string, Viewer>();
  readonly #seat: ControlSeat<Viewer>;
  readonly #admission: Admission;
  readonly #screenListeners: (() => void)[] = [];
  readonly #early = new TokenBucket(EARLY_STARTS.perSecond, EARLY_STARTS.burst);
  #earlyUntil = Number.NEGATIVE_INFINITY;
  readonly #steering: Steering;
  #controller: Viewer | undefined;
  #closed = false;

  constructor(options: AudienceOptions) {
    super();
    this.#options = options;
    const { keys, hostKey, config, send, isMember, kick, log, now } = options;
    const { acceptUnauthenticated } = config.host;
    this.#admission = new Admission({
      ...{ keys, hostKey, acceptUnauthenticated, send, isMember, kick, log, now },
    });
    this.#steering = new Steering(options.screen, log);
    this.#seat = new ControlSeat(config.host.secondController);
    this.#listen('changed', () => this.#onScreen());
    this.#listen('cursor', (shape) => this.#tellAll(cursorMessage(shape)));
    this.#listen('lost', (reason) => this.#onLost(reason));
    this.#listen('ended', () => void this.endAll('source-ended'));
  }

  #listen<Name extends keyof ScreenEvents>(
    name: Name,
    listener: (...args: ScreenEvents[Name]) => void,
  ): void {
    const { screen } = this.#options;
    const events = screen as EventEmitter;
    events.on(name, listener as (...args: unknown[]) => void);
    this.#screenListeners.push(() => events.off(name, listener as (...args: unknown[]) => void));
  }

  get size(): number {
    return this.#viewers.size;
  }

  /** What the encoder was told last. */
  get steering(): BitrateDecision | undefined {
    return this.#steering.decision;
  }

  offer(offer: Offer): void {
    const admission = this.#admission;
    if (this.#closed) {
      admission.reject(offer, 'host-closing', 'the host is going away');
    } else if (admission.isRefused(offer)) {
      admission.reject(offer, 'declined', 'the host removed this viewer');
    } else if (!admission.budgetOf(offer.from).take('offer', this.#options.now())) {
      admission.tooMuch(offer);
    } else {
      const known = this.#viewers.get(offer.session);
      if (known === undefined || known.isClosing) this.#firstOffer(offer);
      else known.laterOffer(offer);
    }
  }

  candidate(message: Candidate): void {
    this.#viewers.get(message.session)?.addCandidate(message);
  }

  member(peerId: string, membership: Membership): void {
    for (const viewer of this.#viewers.values()) {
      if (viewer.peerId === peerId) viewer.setMembership(membership);
    }
  }

  /** After a new join of ours: who of the viewers is still known to signaling. */
  members(present: ReadonlyMap<string, Membership>): void {
    for (const viewer of this.#viewers.values()) {
      viewer.setMembership(present.get(viewer.peerId) ?? 'detached');
    }
  }

  /** Ten times a second. */
  tick(now: number): void {
    for (const viewer of this.#viewers.values()) viewer.tick(now);
    this.#wantScreen();
  }

  /** Once a second. */
  tellStats(): void {
    const watching = [...this.#viewers.values()].filter((one) => one.isReady && one.wantsStats);
    if (watching.length === 0) return;
    const stats = this.#options.screen.stats();
    for (const viewer of watching) {
      viewer.tell(statsMessage(viewer.path, stats, this.#options.screen.info));
    }
  }

  /** The peer ids of those who are in. */
  readyPeers(): readonly string[] {
    return [...this.#viewers.values()].filter((one) => one.isReady).map((one) => one.peerId);
  }

  /** Nobody comes in any more, and no input passes. */
  shut(): void {
    this.#closed = true;
    for (const viewer of this.#viewers.values()) {
      const held = viewer.gate.close();
      this.#apply([{ kind: 'inject', events: held }]);
    }
    this.#options.screen.releaseAll();
  }

  /** Says so to all, early: their connections carry it while the rest closes. */
  tellEnded(reason: EndedReason): void {
    for (const viewer of this.#viewers.values()) viewer.tell({ type: 'ended', reason });
  }

  /** Those who are in, for the owner. */
  roster(): readonly ViewerStatus[] {
    return this.#openViewers()
      .filter((one) => one.isReady)
      .map((one) => {
        return { session: one.session, role: one.role, control: one === this.#controller };
      });
  }

  /** Removes the viewer of this session, or all; they are refused for a time. Gives how many. */
  async kick(session?: string): Promise<number> {
    const meant = this.#openViewers().filter(
      (one) => session === undefined || one.session === session,
    );
    await Promise.all(meant.map((viewer) => this.remove(viewer, REMOVED_MS)));
    return meant.length;
  }

  /** Hears of the screen no more. Its viewers are to be ended before. */
  close(): void {
    this.#closed = true;
    this.removeAllListeners();
    for (const off of this.#screenListeners) off();
  }

  /** Tells all of them why; resolves when their connections are freed. */
  async endAll(reason: EndedReason): Promise<void> {
    // Connections close one after the other; together they may take this long.
    const flushMs = Math.floor(FLUSH_ALL_MS / Math.max(this.#viewers.size, 1));
    await Promise.all([...this.#viewers.values()].map((viewer) => viewer.end(reason, flushMs)));
  }

  /**
   * Lets go of a viewer, and refuses it and its member of the room for a time. Only the owner may
   * keep out its whole address (`blockMs`): others are behind it too, perhaps the owner's own page.
   */
  remove(viewer: Viewer, blockMs = 0): Promise<void> {
    const { session, peerId } = viewer;
    this.#options.log.warn({ session, peerId }, 'viewer removed');
    this.#admission.refuse(session, peerId);
    const ended = viewer.end('kicked');
    this.#options.kick(peerId, blockMs);
    return ended;
  }

  #firstOffer(offer: Offer): void {
    const proof = this.#admission.verify(offer);
    if (proof === undefined) return;
    if (!this.#admission.budgetOf(offer.from).take('peer', this.#options.now())) {
      this.#admission.tooMuch(offer);
      return;
    }
    // The same member starts anew: its old attempt is over.
    const before = [...this.#viewers.values()].filter((one) => one.peerId === offer.from);
    const closed = before.map((viewer) => viewer.close('replaced by its own new session'));
    const role = proof.auth === undefined ? 'control' : (proof.auth.role ?? 'view');
    if (!this.#makePlace(role)) {
      const { maxViewers } = this.#options.config.host;
      this.#admission.reject(offer, 'host-full', `this host takes ${maxViewers} viewers`);
      return;
    }
    this.#open(offer, proof.auth, Promise.all(closed)).offer(offer);
  }

  /**
   * A free place is anybody's. In a full house one with the control code takes the place of one
   * that has shown no more than an offer; or it comes in beside the others, and takes that of a
   * watcher when it has proved itself (#onReady).
   */
  #makePlace(role: AccessRole): boolean {
    const { maxViewers } = this.#options.config.host;
    const open = this.#openViewers();
    if (open.length < maxViewers) return true;
    if (role !== 'control') return false;
    const unproven = open.filter((one) => !one.isReady && !one.wasConnected);
    const waiting = unproven.find((one) => one.role === 'view') ?? unproven[0];
    if (waiting !== undefined) {
      void waiting.close('its place was needed');
      return true;
    }
    return open.length < 2 * maxViewers && open.some((one) => one.role === 'view');
  }

  #openViewers(): readonly Viewer[] {
    return [...this.#viewers.values()].filter((one) => !one.isClosing);
  }

  #open(offer: Offer, auth: HostAuth | undefined, after: Promise<unknown>): Viewer {
    const { engine, config, screen, log, now, send } = this.#options;
    const { session, from: peerId } = offer;
    const picture = screen.info ?? { width: 1280, height: 720 };
    const iceServers = this.#options.iceServers();
    const viewer = new Viewer({
      session,
      peerId,
      engine,
      auth,
      config,
      iceServers,
      send,
      reject: (refused, code, message) => this.#admission.reject(refused, code, message),
      budget: this.#admission.budgetOf(peerId),
      after,
      picture: { width: picture.width, height: picture.height },
      log,
      now,
    });
    this.#viewers.set(session, viewer);
    viewer.on('connected', () => this.#wantScreen());
    viewer.on('ready', () => this.#onReady(viewer));
    viewer.on('input', (actions) => this.#apply(actions));
    viewer.on('decision', (decision) => {
      this.#steer();
      if (decision.wantsKeyframe && viewer.takeKeyframe()) this.#steering.refresh(now());
    });
    viewer.on('excessive', () => void this.remove(viewer));
    viewer.on('closed', () => this.#onClosed(viewer));
    if (this.#early.take(1, now())) this.#earlyUntil = now() + EARLY_MS;
    this.#wantScreen();
    this.emit('changed');
    return viewer;
  }

  /** While there is a path to somebody, or one is likely to be there in a moment. */
  #wantScreen(): void {
    const open = this.#openViewers();
    const early = open.length > 0 && this.#options.now() < this.#earlyUntil;
    this.#options.screen.setWanted(early || open.some((one) => one.wasConnected));
  }

  #onReady(viewer: Viewer): void {
    const { screen, config } = this.#options;
    this.#early.giveBack(1);
    if (viewer.role === 'control' && this.#openViewers().length > config.host.maxViewers) {
      const watcher = this.#openViewers().findLast((one) => one.role === 'view');
      void watcher?.end('replaced');
    }
    if (viewer.role === 'control' && config.host.input.enabled) this.#seat.join(viewer);
    this.#seatChanged();
    this.#tellSession(viewer);
    if (screen.cursor !== undefined) {
      const message = cursorMessage(screen.cursor);
      if (message !== undefined) viewer.tell(message);
    }
    this.emit('changed');
  }

  #onClosed(viewer: Viewer): void {
    if (this.#viewers.get(viewer.session) === viewer) this.#viewers.delete(viewer.session);
    this.#seat.leave(viewer);
    this.#seatChanged();
    if (this.#viewers.size === 0) this.#steering.reset();
    else this.#steer();
    this.#wantScreen();
    this.emit('changed');
  }

  /** The gate of the one in control is open, all others are shut; both are told. */
  #seatChanged(): void {
    const before = this.#controller;
    const after = this.#seat.holder;
    if (before === after) return;
    this.#controller = after;
    if (before !== undefined && !before.isClosing) {
      before.setInput(false);
      this.#apply([{ kind: 'inject', events: before.gate.close() }]);
      this.#tellSession(before);
    }
    if (after !== undefined && !this.#closed) {
      after.setInput(true);
      after.gate.open(this.#options.now());
      this.#tellSession(after);
    }
  }

  #apply(actions: readonly InputAction[]): void {
    const { screen } = this.#options;
    for (const action of actions) {
      if (action.kind === 'inject') screen.inject(action.events);
      else screen.text(action.text);
    }
  }

  #steer(): void {
    const ready = [...this.#viewers.values()].filter((one) => one.isReady);
    this.#steering.follow(
      ready.map((one) => one.path.decision),
      this.#controller?.path.decision,
      this.#options.now(),
    );
  }

  #onScreen(): void {
    const { info } = this.#options.screen;
    if (info === undefined) return;
    for (const viewer of this.#viewers.values()) {
      viewer.path.setPicture({ width: info.width, height: info.height });
      this.#tellSession(viewer);
    }
    // A new pipeline starts with the configured rate: tell it the one that holds.
    this.#steering.reset();
    this.#steer();
    this.emit('changed');
  }

  #onLost(reason: string): void {
    for (const viewer of this.#viewers.values()) viewer.tell(lostMessage(reason));
    this.emit('changed');
  }

  #tellSession(viewer: Viewer): void {
    if (!viewer.isReady) return;
    const { screen, hostName, config } = this.#options;
    const { role } = viewer;
    const hasSeat = this.#controller === viewer;
    const { fps } = config.host.video;
    viewer.tellSession(sessionMessage({ role, hasSeat, hostName, fps, info: screen.info }));
  }

  #tellAll(message: HostControlMessage | undefined): void {
    if (message === undefined) return;
    for (const viewer of this.#viewers.values()) if (viewer.isReady) viewer.tell(message);
  }
}
