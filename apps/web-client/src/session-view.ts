import type { HostStats, Timers } from '@peerdeck/protocol';
import type { ViewerConnection } from './connection.ts';
import type { HostSays } from './control-link.ts';
import { InputCapture } from './input/capture.ts';
import { CursorStyles } from './media/cursor.ts';
import { VideoStage } from './media/video.ts';
import { StatsCollector } from './stats/collector.ts';
import { StatsPanel } from './stats/panel.ts';
import type { ViewerStats } from './stats/summary.ts';
import { Badges } from './ui/badges.ts';
import { byId } from './ui/dom.ts';
import { Fullscreen } from './ui/fullscreen.ts';
import { overlayText, watchingText, withReport, type Action } from './ui/messages.ts';
import { Overlay } from './ui/overlay.ts';
import { shortcutOf } from './ui/shortcuts.ts';
import { Toast } from './ui/toast.ts';
import { Toolbar } from './ui/toolbar.ts';
import { WakeLock, type WakeLocks } from './ui/wake-lock.ts';
import type { SignalingNote, ViewerState } from './viewer-state.ts';

const HTTP_NOTE =
  'Over plain http the browser keeps keys such as Esc and Alt+Tab for itself, also in fullscreen. ' +
  'Open this page over https to type them.';
const NO_LOCK_NOTE = 'This browser keeps some keys for itself. Send them from here.';

/**
 * The screen of a session: picture, input, toolbar, figures, and the overlay for all that is no
 * picture. Built once for the page; `attach` gives it the connection of the moment.
 */
export class SessionView {
  readonly #timers: Timers;
  readonly #now: () => number;
  readonly #onAction: (action: Action) => void;
  readonly #stage = byId('stage', HTMLElement);
  readonly #surface = byId('surface', HTMLElement);
  readonly #video: VideoStage;
  readonly #input: InputCapture;
  readonly #toolbar: Toolbar;
  readonly #panel: StatsPanel;
  readonly #collector: StatsCollector;
  readonly #overlay: Overlay;
  readonly #badges = new Badges();
  readonly #wakeLock = new WakeLock((navigator as { readonly wakeLock?: WakeLocks }).wakeLock);
  readonly #toast: Toast;
  readonly #fullscreen: Fullscreen;
  readonly #cursors = new CursorStyles();
  #connection: ViewerConnection | undefined;
  #state: ViewerState = { name: 'idle' };
  #introduced = false;
  #stats: ViewerStats | undefined;
  #host: HostStats | undefined;
  #roundTrip: number | undefined;

  /** `onAction`: buttons of the overlay, and `leave` of the toolbar. */
  constructor(options: {
    readonly timers: Timers;
    readonly now: () => number;
    readonly onAction: (action: Action) => void;
  }) {
    const { timers, now, onAction } = options;
    this.#timers = timers;
    this.#now = now;
    this.#onAction = onAction;
    const video = byId('video', HTMLVideoElement);
    this.#video = new VideoStage({
      video,
      still: byId('still', HTMLCanvasElement),
      onFirstFrame: () => this.#render(),
    });
    this.#overlay = new Overlay({ timers, now, onAction });
    this.#toast = new Toast({ timers });
    this.#panel = new StatsPanel({ onClose: () => this.#toggleStats() });
    this.#collector = new StatsCollector({
      read: async () => this.#connection?.stats(),
      timers,
      now,
      onStats: (stats, quality) => {
        this.#stats = stats;
        this.#badges.quality = quality;
        this.#showStats();
      },
    });
    this.#fullscreen = new Fullscreen({
      stage: this.#stage,
      onChange: (on) => {
        this.#toolbar.fullscreen = on;
        if (on && this.#input.enabled && !isSecureContext) this.#toast.show(HTTP_NOTE);
        this.#focusPicture();
      },
    });
    this.#toolbar = this.#makeToolbar();
    this.#input = new InputCapture({
      surface: this.#surface,
      video,
      textField: byId('keyboard-field', HTMLTextAreaElement),
      send: (channel, message) => this.#connection?.sendInput(channel, message),
      pictureSize: () => this.#video.size,
      shortcut: (event) => this.#shortcut(shortcutOf(event)),
      onPointerLock: (locked) => {
        this.#toolbar.pointerLocked = locked;
      },
      timers,
      now,
      isMac: /mac/i.test(navigator.userAgent) && navigator.maxTouchPoints === 0,
    });
    document.addEventListener('visibilitychange', () => this.#tellVisibility());
  }

  /** Undefined: no session, and the screen is put away. */
  attach(connection: ViewerConnection | undefined): void {
    this.#connection = connection;
    this.#introduced = false;
    this.#stats = undefined;
    this.#host = undefined;
    this.#roundTrip = undefined;
    if (connection !== undefined) return;
    this.#input.enabled = false;
    this.#video.clear();
    this.#toolbar.hide();
    this.#toast.hide();
    this.#badges.clear();
    this.#collector.stop();
    this.#panel.shown = false;
    this.#toolbar.statsShown = false;
    this.#overlay.show(undefined);
    this.#state = { name: 'idle' };
    if (this.#fullscreen.on) void document.exitFullscreen().catch(() => undefined);
  }

  showState(state: ViewerState): void {
    const before = this.#state;
    this.#state = state;
    this.#stage.hidden = state.name === 'idle';
    const isConnected = state.name === 'connected';
    const wasConnected = before.name === 'connected';
    if (isConnected !== wasConnected) this.#wakeLock.wanted = isConnected;
    if (isConnected && !wasConnected) {
      this.#video.resume();
      this.#collector.start();
      if (document.visibilityState === 'hidden') this.#tellVisibility();
      if (this.#panel.shown) this.#connection?.say({ type: 'stats', on: true });
    } else if (!isConnected) {
      this.#collector.stop();
      this.#badges.quality = undefined;
      this.#badges.signaling = 'fine';
    }
    this.#render();
  }

  showSignaling(note: SignalingNote): void {
    this.#badges.signaling = this.#state.name === 'connected' ? note : 'fine';
  }

  showTrack(track: MediaStreamTrack, receiver: RTCRtpReceiver): void {
    this.#video.attach(track, receiver);
  }

  /** The picture stands still from now on. */
  keepPicture(): void {
    this.#video.keepLast();
  }

  hostSays(message: HostSays): void {
    switch (message.type) {
      case 'cursor':
        this.#surface.style.cursor = this.#cursors.style(message);
        return;
      case 'host-stats':
        this.#host = message;
        this.#showStats();
        return;
      case 'error':
        if (message.code !== 'unknown-type') this.#toast.show(`The host: ${message.message}`);
        return;
      default:
        return;
    }
  }

  /** Shows a text for a moment. */
  note(text: string): void {
    this.#toast.show(text);
  }

  roundTrip(ms: number): void {
    this.#roundTrip = ms;
  }

  #render(): void {
    const state = this.#state;
    const session = state.name === 'connected' ? state.session : undefined;
    const canControl = session?.permissions.control === true && session.role === 'control';
    const hasPicture = this.#video.hasPicture;
    this.#input.enabled = canControl && hasPicture;
    this.#badges.watching = session === undefined ? undefined : watchingText(session);
    if (!canControl) this.#surface.style.removeProperty('cursor');
    const text = withReport(overlayText(state, hasPicture), this.#connection?.report);
    // What the overlay covers can't be reached by the keyboard either.
    const wasCovered = this.#surface.inert;
    this.#surface.inert = text !== undefined;
    this.#overlay.show(text, canControl ? 'Connected' : 'Connected, view only');
    if (session === undefined) {
      this.#toolbar.hide();
      return;
    }
    this.#toolbar.session({ canControl, canFullscreen: this.#fullscreen.available });
    this.#toolbar.keysNote = this.#fullscreen.locksKeyboard
      ? ''
      : isSecureContext
        ? NO_LOCK_NOTE
        : HTTP_NOTE;
    if (hasPicture && !this.#introduced) {
      this.#introduced = true;
      this.#toolbar.introduce();
    }
    // The focus was on what covered the picture, or nowhere; keys are for the host again.
    if (wasCovered && text === undefined) this.#focusPicture();
  }

  #makeToolbar(): Toolbar {
    return new Toolbar({
      timers: this.#timers,
      events: {
        onFullscreen: () => this.#toggleFullscreen(),
        onStats: () => this.#toggleStats(),
        onLockPointer: () => {
          this.#toolbar.close();
          this.#input.enterPointerLock().catch(() => {
            this.#toast.show(
              'The browser did not give the mouse; click the picture and try again.',
            );
          });
        },
        onKeyboard: () => byId('keyboard-field', HTMLTextAreaElement).focus(),
        onKeys: (codes) => this.#input.press(codes),
        onLeave: () => this.#onAction('leave'),
        onClosed: () => this.#focusPicture(),
      },
    });
  }

  /** True: the key is the page's own. */
  #shortcut(name: ReturnType<typeof shortcutOf>): boolean {
    if (this.#state.name !== 'connected') return false;
    switch (name) {
      case 'fullscreen':
        this.#toggleFullscreen();
        return true;
      case 'stats':
        this.#toggleStats();
        return true;
      case 'release':
        this.#input.release();
        this.#input.leavePointerLock();
        this.#toolbar.open(true);
        return true;
      default:
        return false;
    }
  }

  #toggleFullscreen(): void {
    this.#fullscreen.toggle().catch(() => {
      this.#toast.show('The browser did not allow fullscreen.');
    });
  }

  #toggleStats(): void {
    const shown = !this.#panel.shown;
    this.#panel.shown = shown;
    this.#toolbar.statsShown = shown;
    this.#host = undefined;
    this.#connection?.say({ type: 'stats', on: shown });
    if (shown) this.#showStats();
    else this.#focusPicture();
  }

  #showStats(): void {
    this.#panel.update({
      stats: this.#stats,
      frames: this.#video.frames.summary(performance.now()),
      controlRttMs: this.#roundTrip,
      host: this.#host,
      connection: this.#connection?.report.connection,
    });
  }

  #focusPicture(): void {
    if (this.#state.name === 'connected' && this.#video.hasPicture) this.#input.focus();
  }

  #tellVisibility(): void {
    const visible = document.visibilityState === 'visible';
    if (visible) this.#wakeLock.renew();
    this.#connection?.say({ type: 'visibility', visible });
  }
}
