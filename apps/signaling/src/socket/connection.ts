import type { Duplex } from 'node:stream';
import { CLOSE, type CloseCode } from '@peerdeck/protocol';
import type { RawData, WebSocket } from 'ws';
import { LAG_BYTES, type Backlog, type Lagging } from './backlog.ts';
import type { Clock } from '../base/clock.ts';
import { FrameMeter, type MeterBounds, type MeterFault } from './frame-meter.ts';
import type { FrameWriter } from './frame-writer.ts';
import { Gcra, type Rate } from '../limits/limiter.ts';
import type { Intake, IntakeHolder } from './intake.ts';

/** How a connection ended. */
export interface ConnectionEnd {
  readonly code: number;
  /** `server` also when the peer's framing was at fault and the code is our answer to it. */
  readonly by: 'peer' | 'server';
}

export interface ConnectionHandler {
  /**
   * One text frame. While the promise it may return is pending, later frames wait: the frames of
   * a connection are handled one after the other, in order. `bytes`: what it was on the wire.
   */
  message(text: string, bytes: number): void | Promise<void>;
  /** Once, as soon as the end is known; the socket itself may take longer to go. */
  ended(end: ConnectionEnd): void;
  /** Once, after `ended`: the socket is gone. */
  closed(): void;
  /** A handler that failed; the connection is closed with 1011. */
  failed(error: unknown): void;
}

/** What the connections of a version of the protocol have in common: one object for all. */
export interface ConnectionRules {
  readonly writer: FrameWriter;
  readonly clock: Clock;
  /** Unsent bytes at which the receiver counts as too slow. */
  readonly maxBufferedBytes: number;
  /** The bound of all connections together: for what goes out, and for what comes in. */
  readonly backlog: Backlog;
  readonly intake: Intake;
  /** Of what comes in on each. */
  readonly bounds: MeterBounds;
  /** What a connection closes with for a binary frame, for being too slow, and for a flood. */
  readonly codes: { readonly binary: number; readonly slow: number; readonly flood: number };
  /** Called once before a receiver that is too slow is closed, by its own bound or the node's. */
  readonly onSlow: (at: 'buffer' | 'node') => void;
  /** Called once before a peer that floods with control frames is closed. */
  readonly onFlood: () => void;
  /** Called once before a peer is closed that ends no message, or makes it of too many parts. */
  readonly onUnfinished: () => void;
  /** Called when a frame of others is not taken, since the receiver lags. */
  readonly onHeldBack: () => void;
}

export interface ConnectionOptions {
  readonly id: string;
  /** What limits per address count it by. */
  readonly address: string;
  readonly socket: WebSocket;
  /** What the WebSocket writes to, and reads from. */
  readonly transport: Duplex;
  readonly rules: ConnectionRules;
}

/** Frames that may wait for the one being handled; more, and the socket is not read. */
const MAX_WAITING = 64;

/** Their bytes, likewise: nobody has shown yet that it may take so much memory. */
const MAX_WAITING_BYTES = 256 * 1024;

/** What of the unsent bytes of a receiver others may fill: the rest is for the service's own word. */
const OTHERS_SHARE = 1 / 2;

/** What a peer may send after the end, until it has seen that it is over. */
const MAX_AFTER_END = 512 * 1024;

/** Pings and pongs of a peer. The heartbeat asks for one pong an interval; each costs a write. */
const CONTROL_FRAMES: Rate = { limit: 100, periodMs: 10_000 };

const OWNER = Symbol('connection');

/** A socket that finds its connection, so that all sockets share their listeners. */
type Owned = WebSocket & { [OWNER]: Connection };
type OwnedTransport = Duplex & { [OWNER]?: Connection };

interface WaitingFrame {
  readonly text: string;
  readonly bytes: number;
}

/** One WebSocket: its order, its bounds and its end. Owns the socket. */
export class Connection implements Lagging, IntakeHolder {
  readonly id: string;
  readonly address: string;
  readonly socket: WebSocket;
  readonly #transport: Duplex;
  readonly #rules: ConnectionRules;
  readonly #meter: FrameMeter;
  #waiting: WaitingFrame[] | undefined;
  #waitingBytes = 0;
  #afterEnd = 0;
  #controlRate: Gcra | undefined;
  #handler: ConnectionHandler | undefined;
  #busy = false;
  #ended = false;
  /** When the peer was last heard, by the clock. */
  lastSeen: number;

  constructor(options: ConnectionOptions) {
    this.id = options.id;
    this.address = options.address;
    this.socket = options.socket;
    this.#transport = options.transport;
    this.#rules = options.rules;
    this.#meter = new FrameMeter(options.rules.bounds);
    this.lastSeen = options.rules.clock.now();
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Bytes that the receiver has not taken yet. */
  get unsent(): number {
    return this.socket.bufferedAmount;
  }

  /** In the same tick as the upgrade: a frame or an error that finds no listener is lost. */
  start(handler: ConnectionHandler): void {
    this.#handler = handler;
    const socket = this.socket;
    (socket as Owned)[OWNER] = this;
    socket.on('message', Connection.#onMessage);
    socket.on('ping', Connection.#onPing);
    socket.on('pong', Connection.#onPong);
    socket.on('error', Connection.#onError);
    socket.on('close', Connection.#onClose);
    const transport: OwnedTransport = this.#transport;
    transport[OWNER] = this;
    // Before ws reads the same bytes: so that it is this that says why it closes.
    transport.prependListener('data', Connection.#onData);
  }

  /**
   * A frame of another member. Others fill but a part of what the receiver may leave unsent, so
   * that nobody is closed for what others send. False: it lags, and the frame is not taken.
   */
  relay(text: string): boolean {
    if (this.#ended || this.socket.readyState !== this.socket.OPEN) return true;
    const after = this.socket.bufferedAmount + Buffer.byteLength(text);
    if (after > this.#rules.maxBufferedBytes * OTHERS_SHARE) {
      this.#rules.onHeldBack();
      return false;
    }
    this.send(text);
    return true;
  }

  /** Dropped once the connection has ended. A receiver that does not keep up is closed. */
  send(text: string): void {
    if (this.#ended || this.socket.readyState !== this.socket.OPEN) return;
    const after = this.socket.bufferedAmount + Buffer.byteLength(text);
    if (after > this.#rules.maxBufferedBytes) {
      this.#rules.onSlow('buffer');
      this.close(this.#rules.codes.slow, 'Too slow');
      return;
    }
    this.#rules.writer.write(this.#transport, text);
    if (after > LAG_BYTES) this.#rules.backlog.note(this);
  }

  /** Too much waits for receivers of this node, and for this one most: no time for a close frame. */
  giveUp(): void {
    this.#rules.onSlow('node');
    this.terminate(this.#rules.codes.slow);
  }

  /** Too much waits of what clients of this node have begun to say, and of its address most. */
  cutOff(): void {
    this.#rules.onUnfinished();
    this.terminate(this.#rules.codes.flood);
  }

  ping(): void {
    if (!this.#ended && this.socket.readyState === this.socket.OPEN) this.socket.ping();
  }

  /** Ends the connection with a close frame. `reason`: at most 123 bytes. Idempotent. */
  close(code: number, reason = ''): void {
    this.#end({ code, by: 'server' });
    this.socket.close(code, reason);
    // A socket that is not read would not see the answer.
    if (this.socket.isPaused) this.socket.resume();
  }

  /** Ends the connection of a peer that is not there any more. Idempotent. */
  terminate(code: number): void {
    this.#end({ code, by: 'server' });
    this.socket.terminate();
  }

  /** Whether it is to be handled. */
  #controlFrame(): boolean {
    this.#alive();
    if (this.#ended) return false;
    this.#controlRate ??= new Gcra(CONTROL_FRAMES);
    if (this.#controlRate.take(this.lastSeen) === 0) return true;
    this.#rules.onFlood();
    this.close(this.#rules.codes.flood, 'Too many control frames');
    return false;
  }

  /** Not left to ws, which answers whoever does not read the answers. */
  #pong(data: Buffer): void {
    if (this.socket.readyState !== this.socket.OPEN) return;
    if (this.socket.bufferedAmount + data.length > this.#rules.maxBufferedBytes) {
      this.#rules.onSlow('buffer');
      this.close(this.#rules.codes.slow, 'Too slow');
    } else this.socket.pong(data);
  }

  #received(data: Buffer, isBinary: boolean): void {
    this.#alive();
    if (this.#ended) return;
    if (isBinary) {
      this.close(this.#rules.codes.binary, 'Text frames only');
      return;
    }
    const text = data.toString('utf8');
    const bytes = data.length;
    if (!this.#busy) {
      this.#handle({ text, bytes });
      return;
    }
    const waiting = (this.#waiting ??= []);
    waiting.push({ text, bytes });
    this.#waitingBytes += bytes;
    this.#noteHeld();
    // What one read brought still arrives after this; the queue ends with that.
    if (waiting.length >= MAX_WAITING || this.#waitingBytes >= MAX_WAITING_BYTES) {
      this.socket.pause();
    }
  }

  #handle({ text, bytes }: WaitingFrame): void {
    try {
      const pending = this.#handler?.message(text, bytes);
      if (pending === undefined) return;
      this.#busy = true;
      pending.then(
        () => {
          this.#next();
        },
        (error: unknown) => {
          this.#fail(error);
        },
      );
    } catch (error) {
      this.#fail(error);
    }
  }

  #next(): void {
    this.#busy = false;
    while (!this.#busy && !this.#ended) {
      const frame = this.#waiting?.shift();
      if (frame === undefined) {
        // A join is all that most connections ever wait for.
        this.#waiting = undefined;
        break;
      }
      this.#waitingBytes -= frame.bytes;
      // A socket that is not read brings no pong: what it brought before has to do.
      this.#alive();
      this.#handle(frame);
    }
    if (!this.#ended) this.#noteHeld();
    if (!this.#busy && this.socket.isPaused) this.socket.resume();
  }

  /** A frame that waits may take two bytes for each that it was. */
  #noteHeld(): void {
    this.#rules.intake.note(this, this.#meter.held + this.#waitingBytes * 2);
  }

  #bytes(chunk: Buffer): void {
    if (this.#ended) {
      this.#afterEnd += chunk.length;
      if (this.#afterEnd > MAX_AFTER_END) this.socket.terminate();
      return;
    }
    const fault = this.#meter.take(chunk);
    if (fault === undefined) this.#noteHeld();
    else this.#broken(fault);
  }

  #broken(fault: MeterFault): void {
    if (fault === 'too-large') {
      const { maxMessageBytes } = this.#rules.bounds;
      this.close(1009, `A message of more than ${maxMessageBytes} bytes`);
      return;
    }
    this.#rules.onUnfinished();
    this.close(CLOSE.policy, 'A message of too many parts');
  }

  #fail(error: unknown): void {
    this.#busy = false;
    this.#handler?.failed(error);
    this.close(CLOSE.internal, 'Internal error');
  }

  #alive(): void {
    this.lastSeen = this.#rules.clock.now();
  }

  static #onData(this: OwnedTransport, chunk: Buffer): void {
    const connection = this[OWNER];
    if (connection !== undefined) connection.#bytes(chunk);
  }

  static #onMessage(this: WebSocket, data: RawData, isBinary: boolean): void {
    (this as Owned)[OWNER].#received(data as Buffer, isBinary);
  }

  static #onPing(this: WebSocket, data: Buffer): void {
    const connection = (this as Owned)[OWNER];
    if (connection.#controlFrame()) connection.#pong(data);
  }

  static #onPong(this: WebSocket): void {
    (this as Owned)[OWNER].#controlFrame();
  }

  static #onError(this: WebSocket, error: Error & { code?: string }): void {
    const code = framingFault(error.code);
    if (code !== undefined) (this as Owned)[OWNER].#end({ code, by: 'server' });
  }

  static #onClose(this: WebSocket, code: number): void {
    const connection = (this as Owned)[OWNER];
    connection.#end({ code, by: 'peer' });
    connection.#handler?.closed();
  }

  #end(end: ConnectionEnd): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#waiting = undefined;
    this.#waitingBytes = 0;
    this.#rules.backlog.forget(this);
    this.#rules.intake.forget(this);
    this.#handler?.ended(end);
  }
}

/** The close code that ws answered a broken frame with; undefined for a fault of the network. */
function framingFault(code: string | undefined): CloseCode | undefined {
  switch (code) {
    case 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH':
    case 'WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH':
      return 1009;
    case 'WS_ERR_INVALID_UTF8':
      return 1007;
    case 'WS_ERR_TOO_MANY_BUFFERED_PARTS':
      return 1008;
    default:
      return code?.startsWith('WS_ERR_') === true ? 1002 : undefined;
  }
}
