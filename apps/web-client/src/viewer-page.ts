import {
  deriveViewer,
  SignalingClient,
  toBase64Url,
  type AccessRole,
  type Invitation,
  type Timers,
} from '@peerdeck/protocol';
import { ViewerConnection } from './connection.ts';
import { Peer } from './peer.ts';
import { SessionView } from './session-view.ts';
import type { AddressBar } from './address-bar.ts';
import { LeaveGuard } from './leave-guard.ts';
import { addressFault } from './settings.ts';
import { serverOf, type TrustedServers } from './trusted-servers.ts';
import type { ConnectCard } from './ui/connect-card.ts';
import { LEAVE_QUESTION, newLinkQuestion, tokenQuestion, type Action } from './ui/messages.ts';
import { Question } from './ui/question.ts';
import { roleOf, type ViewerState } from './viewer-state.ts';

/**
 * The page between its two screens: the card that asks for a code and the session. It owns the
 * connection, one at a time, and tells the state in `data-state` and `data-role` of <html>.
 */
export class ViewerPage {
  readonly #timers: Timers;
  readonly #now: () => number;
  readonly #card: () => ConnectCard;
  readonly #defaultSignaling: () => Promise<string>;
  readonly #view: SessionView;
  readonly #addressBar: AddressBar;
  readonly #trusted: TrustedServers;
  readonly #question = new Question();
  readonly #guard = new LeaveGuard(() => void this.#askToLeave());
  #state: ViewerState = { name: 'idle' };
  #invitation: Invitation | undefined;
  #connection: ViewerConnection | undefined;

  constructor(options: {
    readonly timers: Timers;
    /** Monotonic milliseconds. */
    readonly now: () => number;
    readonly card: () => ConnectCard;
    /** Where signaling is for invitations that do not say it. */
    readonly defaultSignaling: () => Promise<string>;
    readonly addressBar: AddressBar;
    readonly trusted: TrustedServers;
  }) {
    this.#addressBar = options.addressBar;
    this.#trusted = options.trusted;
    this.#timers = options.timers;
    this.#now = options.now;
    this.#card = options.card;
    this.#defaultSignaling = options.defaultSignaling;
    this.#view = new SessionView({
      timers: options.timers,
      now: options.now,
      onAction: (action) => this.#act(action),
    });
    window.addEventListener('pagehide', () => this.#connection?.close());
    // A page that comes back from the browser's cache has lost its session.
    window.addEventListener('pageshow', (event) => {
      if (event.persisted && this.#invitation !== undefined) this.#connect(this.#invitation);
    });
    window.addEventListener('online', () => this.#connection?.wake());
    document.addEventListener('visibilitychange', () => {
      if (document.visibilityState === 'visible') this.#connection?.wake();
    });
  }

  /** Somebody typed or chose it here. */
  connect(invitation: Invitation): void {
    this.#addressBar.keep(undefined);
    this.#connect(invitation);
  }

  /** It came by a link: `fragment` opens the same after a reload. */
  async openLink(fragment: string, invitation: Invitation): Promise<void> {
    if (this.#isLive && !(await this.#question.ask(newLinkQuestion(this.#hostName)))) return;
    this.#addressBar.keep(fragment);
    this.#card().fill(invitation);
    this.#connect(invitation);
  }

  /** A link was opened that is none; what is on goes on. */
  refuseLink(message: string): void {
    if (this.#isLive) {
      this.#view.note(message);
      return;
    }
    this.leave();
    this.#card().complain(message);
  }

  /** Back to the card. */
  leave(): void {
    this.#addressBar.keep(undefined);
    this.#drop();
    this.#show({ name: 'idle' }, undefined);
    this.#card().focus();
  }

  async #open(invitation: Invitation): Promise<void> {
    const { role, key, roomId } = deriveViewer(invitation.code);
    this.#show({ name: 'connecting', step: 'signaling' }, role);
    const url = invitation.signalingUrl ?? (await this.#defaultSignaling());
    if (this.#invitation !== invitation || this.#connection !== undefined) return;
    if (invitation.token !== undefined && !(await this.#mayHaveToken(url))) {
      // Asked again when the person connects again; a newer link has replaced this one meanwhile.
      if (this.#invitation !== invitation) return;
      this.leave();
      const { code, hostKeyHash } = invitation;
      const own = hostKeyHash === undefined ? {} : { hostKeyHash };
      this.#card().fill({ code, signalingUrl: url, ...own });
      return;
    }
    if (this.#invitation !== invitation || this.#connection !== undefined) return;
    const fault = addressFault(url, location);
    if (fault === 'mixed-content') {
      this.#show({ name: 'error', problem: { kind: 'mixed-content', url } }, role);
      return;
    }
    const connection: ViewerConnection = new ViewerConnection({
      signalingUrl: url,
      signaling: new SignalingClient({
        url,
        room: roomId,
        role: 'viewer',
        WebSocket,
        timers: this.#timers,
        now: this.#now,
        ...(invitation.token === undefined ? {} : { token: invitation.token }),
      }),
      role,
      key,
      hostKeyHash: invitation.hostKeyHash,
      createPeer: (options) => new Peer(options),
      timers: this.#timers,
      now: this.#now,
      random: Math.random,
      newSession: () => toBase64Url(crypto.getRandomValues(new Uint8Array(16))),
      events: {
        onState: (state) => {
          // One that is being replaced has nothing to say any more.
          if (this.#connection === connection) this.#show(state, role);
        },
        onSignalingNote: (note) => this.#view.showSignaling(note),
        onTrack: (track, receiver) => this.#view.showTrack(track, receiver),
        onMessage: (message) => this.#view.hostSays(message),
        onRoundTrip: (ms) => this.#view.roundTrip(ms),
        onLost: () => this.#view.keepPicture(),
      },
    });
    this.#connection = connection;
    this.#view.attach(connection);
    connection.start();
  }

  #connect(invitation: Invitation): void {
    this.#drop();
    this.#invitation = invitation;
    void this.#open(invitation);
  }

  /** A token is for the server that the page belongs to, or for one that the person names. */
  async #mayHaveToken(url: string): Promise<boolean> {
    if (addressFault(url, location) !== undefined) return true; // nothing will be sent
    const own = await this.#defaultSignaling();
    if (serverOf(url) === serverOf(own) || this.#trusted.has(url)) return true;
    const yes = await this.#question.ask(tokenQuestion(serverOf(url)));
    if (yes) this.#trusted.add(url);
    return yes;
  }

  get #isLive(): boolean {
    return this.#state.name === 'connected' || this.#state.name === 'reconnecting';
  }

  get #hostName(): string {
    return this.#state.name === 'connected' ? this.#state.session.host : '';
  }

  async #askToLeave(): Promise<void> {
    if (await this.#question.ask(LEAVE_QUESTION)) this.leave();
  }

  #show(state: ViewerState, role: AccessRole | undefined): void {
    const { dataset } = document.documentElement;
    dataset['state'] = state.name;
    if (role === undefined) delete dataset['role'];
    else dataset['role'] = roleOf(state, role);
    const host = state.name === 'connected' ? state.session.host : '';
    document.title = host === '' ? 'Peerdeck' : `${host} – Peerdeck`;
    this.#state = state;
    this.#guard.active = this.#isLive;
    this.#view.showState(state);
  }

  #act(action: Action): void {
    switch (action) {
      case 'retry':
        this.#connection?.retryNow();
        return;
      case 'again':
        if (this.#invitation !== undefined) this.#connect(this.#invitation);
        return;
      case 'enter-token': {
        const invitation = this.#invitation;
        this.leave();
        if (invitation !== undefined) this.#card().askForToken(invitation);
        return;
      }
      case 'leave':
      case 'change-code':
        this.leave();
        return;
    }
  }

  #drop(): void {
    const connection = this.#connection;
    this.#connection = undefined;
    this.#invitation = undefined;
    this.#question.withdraw();
    connection?.close();
    this.#view.attach(undefined);
  }
}
