import { clearTimeout, setTimeout } from 'k6/timers';
import { now } from './clock.ts';
import { Client, type ClientOptions, type Message } from './client.ts';
import { failed, setupMs } from './figures.ts';
import { CANDIDATES, candidate, candidateIndex, description } from './messages.ts';
import type { Settings } from './settings.ts';

export interface RoomOptions {
  readonly settings: Settings;
  readonly id: string;
  /** Which of all rooms: chooses the nodes. */
  readonly index: number;
  /** Both are in, offer and answer and every candidate arrived, in order. Once. */
  readonly onReady?: (room: Room) => void;
  /** What comes after that. */
  readonly onMessage?: (to: 'host' | 'viewer', message: Message, at: number) => void;
  /** Both connections have ended. Once. */
  readonly onClosed?: (room: Room) => void;
}

const SETUP_TIMEOUT_MS = 30_000;
/**
 * The original protocol says nobody that a join is done, and relays to whoever is in: its viewers
 * come a little later than the host's open connection.
 */
const UNTOLD_JOIN_MS = 250;

/** A host, its viewer, and the start of their session. */
export class Room {
  readonly id: string;
  readonly #options: RoomOptions;
  readonly #startedAt = now();
  readonly #got = { host: 0, viewer: 0 };
  readonly #timeout: number;
  #answered = false;
  #open = 1;
  #ready = false;
  #leaving = false;
  readonly host: Client;
  viewer: Client | undefined;
  viewerId: string | undefined;

  constructor(options: RoomOptions) {
    this.#options = options;
    this.id = options.id;
    this.host = this.#client('host', options.index);
    this.#timeout = setTimeout(() => {
      failed('setup-timeout', `no session within ${SETUP_TIMEOUT_MS} ms`);
      this.leave();
    }, SETUP_TIMEOUT_MS);
  }

  get ready(): boolean {
    return this.#ready;
  }

  /** The viewer first: its host hears of that, then goes too. */
  leave(): void {
    this.#leaving = true;
    if (this.viewer === undefined) this.host.leave();
    else this.viewer.leave();
  }

  #client(role: 'host' | 'viewer', index: number): Client {
    const { urls, protocol, token } = this.#options.settings;
    const url = urls[index % urls.length] ?? '';
    const options: ClientOptions = {
      ...{ url, protocol, room: this.id, role, token },
      onJoined: () => this.#joined(role),
      onMessage: (message, at) => {
        if (role === 'host') this.#toHost(message, at);
        else this.#toViewer(message, at);
      },
      onClosed: (asked) => this.#closed(role, asked),
    };
    return new Client(options);
  }

  #joined(role: 'host' | 'viewer'): void {
    const { settings, index } = this.#options;
    if (role === 'host') {
      const next = () => {
        if (this.#leaving) return;
        this.#open += 1;
        this.viewer = this.#client('viewer', index + 1);
      };
      if (settings.protocol === 'v2') next();
      else setTimeout(next, UNTOLD_JOIN_MS);
      return;
    }
    this.viewer?.send(description(settings.protocol, 'offer', this.id));
    for (let i = 0; i < CANDIDATES; i += 1) {
      this.viewer?.send(candidate(settings.protocol, i, this.id));
    }
  }

  #toHost(message: Message, at: number): void {
    const { protocol } = this.#options.settings;
    switch (message.type) {
      case 'member-joined':
        this.viewerId = String(message['peerId']);
        return;
      case 'member-left':
      case 'peer-disconnected':
        if (this.#leaving) this.host.leave();
        else failed('false-leave', 'a viewer that is there was said to have left');
        return;
      case 'offer':
        this.host.send(description(protocol, 'answer', this.id, this.viewerId));
        for (let i = 0; i < CANDIDATES; i += 1) {
          this.host.send(candidate(protocol, i, this.id, this.viewerId));
        }
        return;
      case 'candidate':
        this.#candidate('host', message);
        return;
      default:
        this.#options.onMessage?.('host', message, at);
    }
  }

  #toViewer(message: Message, at: number): void {
    switch (message.type) {
      case 'answer':
        this.#answered = true;
        return;
      case 'candidate':
        if (!this.#answered) failed('reordered', 'a candidate overtook the answer');
        this.#candidate('viewer', message);
        return;
      case 'member-left':
        if (!this.#leaving) failed('false-leave', 'a host that is there was said to have left');
        return;
      default:
        this.#options.onMessage?.('viewer', message, at);
    }
  }

  #candidate(to: 'host' | 'viewer', message: Message): void {
    const expected = this.#got[to];
    const index = candidateIndex(message);
    if (index !== expected) failed('reordered', `candidate ${index} instead of ${expected}`);
    this.#got[to] = expected + 1;
    if (this.#got.host < CANDIDATES || this.#got.viewer < CANDIDATES || this.#ready) return;
    this.#ready = true;
    clearTimeout(this.#timeout);
    setupMs.add(now() - this.#startedAt);
    this.#options.onReady?.(this);
  }

  #closed(role: 'host' | 'viewer', asked: boolean): void {
    this.#open -= 1;
    if (!asked && !this.#leaving) failed('closed', `the ${role}'s connection was closed`);
    // A host alone would wait until the test is over.
    if (this.#open > 0 && role === 'viewer' && !this.#leaving) this.host.leave();
    if (this.#open > 0) return;
    clearTimeout(this.#timeout);
    this.#options.onClosed?.(this);
  }
}
