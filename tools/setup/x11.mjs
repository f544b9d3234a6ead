import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createConnection } from 'node:net';

/** Requests, by their numbers in the X protocol. */
const GET_WINDOW_ATTRIBUTES = 3;
const GET_GEOMETRY = 14;
const INTERN_ATOM = 16;
const GET_PROPERTY = 20;
const GET_IMAGE = 73;

const VIEWABLE = 2;
const ANSWER_MS = 10_000;
const HEAD_BYTES = 32;
const COOKIE_NAME = 'MIT-MAGIC-COOKIE-1';
const COOKIE_BYTES = 16;

const padded = (size) => (size + 3) & ~3;

/**
 * As much of an X client as it takes to see what a display shows: properties, windows and pixels of
 * a server on this machine. Every request has an answer, and answers come in order.
 *
 * What the server refuses (a window that is gone) resolves to undefined; a connection that ends
 * rejects.
 */
export class XDisplay {
  #socket;
  #waiting = [];
  #unread = Buffer.alloc(0);
  #atoms = new Map();
  #failure;

  /** Number of the root window. */
  root;
  width;
  height;

  /** @param {string} cookieFile a file with one entry, as the demo desktop writes it */
  static async open(display, cookieFile) {
    const made = new XDisplay();
    const number = /:(\d+)/.exec(display)[1];
    made.#socket = createConnection({ path: `/tmp/.X11-unix/X${number}` });
    await once(made.#socket, 'connect');
    made.#socket.setTimeout(ANSWER_MS, () => made.#end(new Error('the X server does not answer')));
    made.#socket.on('error', (error) => made.#end(error));
    made.#socket.on('close', () => made.#end(new Error('the X server ended the connection')));
    const setup = made.#answer(setupSize);
    made.#socket.write(hello(readFileSync(cookieFile).subarray(-COOKIE_BYTES)));
    made.#socket.on('data', (chunk) => made.#read(chunk));
    made.#greeted(await setup);
    return made;
  }

  #greeted(setup) {
    if (setup[0] !== 1) throw new Error(`refused: ${setup.toString('latin1', 8, 8 + setup[1])}`);
    const formats = 40 + padded(setup.readUInt16LE(24));
    const screen = formats + 8 * setup[29];
    this.root = setup.readUInt32LE(screen);
    this.width = setup.readUInt16LE(screen + 20);
    this.height = setup.readUInt16LE(screen + 22);
  }

  /** A property's numbers (windows, say), or undefined where the window has no such property. */
  async numbers(window, name) {
    const bytes = await this.#property(window, name);
    if (bytes === undefined) return undefined;
    const count = Math.floor(bytes.length / 4);
    return Array.from({ length: count }, (_, i) => bytes.readUInt32LE(i * 4));
  }

  async text(window, name) {
    return (await this.#property(window, name))?.toString('utf8');
  }

  async #property(window, name) {
    const atom = await this.#atom(name);
    const reply = await this.#ask(GET_PROPERTY, 0, [window, atom, 0, 0, 1024]);
    if (reply === undefined || reply[1] === 0) return undefined;
    const units = reply.readUInt32LE(16);
    return reply.subarray(HEAD_BYTES, HEAD_BYTES + (units * reply[1]) / 8);
  }

  async #atom(name) {
    const known = this.#atoms.get(name);
    if (known !== undefined) return known;
    const bytes = Buffer.alloc(padded(name.length));
    bytes.write(name, 'latin1');
    const reply = await this.#ask(INTERN_ATOM, 0, [name.length], bytes);
    const atom = reply.readUInt32LE(8);
    this.#atoms.set(name, atom);
    return atom;
  }

  /** Size of a window, and whether it and all above it are mapped; undefined: it is gone. */
  async window(window) {
    const attributes = await this.#ask(GET_WINDOW_ATTRIBUTES, 0, [window]);
    const geometry = await this.#ask(GET_GEOMETRY, 0, [window]);
    if (attributes === undefined || geometry === undefined) return undefined;
    return {
      viewable: attributes[26] === VIEWABLE,
      width: geometry.readUInt16LE(16),
      height: geometry.readUInt16LE(18),
    };
  }

  /** What the whole screen shows: one number a pixel, 0xrrggbb. */
  async pixels() {
    const { root, width, height } = this;
    const size = (height << 16) | width;
    const reply = await this.#ask(GET_IMAGE, 2, [root, 0, size, 0xffffffff]);
    const bytes = reply.subarray(HEAD_BYTES, HEAD_BYTES + width * height * 4);
    return Uint32Array.from(
      { length: width * height },
      (_, i) => bytes.readUInt32LE(i * 4) & 0xffffff,
    );
  }

  #ask(request, detail, words, more = Buffer.alloc(0)) {
    const head = Buffer.alloc(4 + 4 * words.length);
    head[0] = request;
    head[1] = detail;
    head.writeUInt16LE((head.length + more.length) / 4, 2);
    words.forEach((word, i) => head.writeUInt32LE(word >>> 0, 4 + 4 * i));
    const answer = this.#answer(replySize);
    this.#socket.write(Buffer.concat([head, more]));
    return answer;
  }

  #answer(sizeOf) {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => this.#waiting.push({ sizeOf, resolve, reject }));
  }

  #read(chunk) {
    this.#unread = Buffer.concat([this.#unread, chunk]);
    for (;;) {
      const next = this.#waiting[0];
      const size = next?.sizeOf(this.#unread);
      if (size === undefined || this.#unread.length < size) return;
      const bytes = this.#unread.subarray(0, size);
      this.#unread = this.#unread.subarray(size);
      if (isEvent(bytes, next)) continue;
      this.#waiting.shift();
      next.resolve(next.sizeOf === replySize && bytes[0] === 0 ? undefined : bytes);
    }
  }

  #end(error) {
    this.#failure ??= error;
    this.#socket.destroy();
    for (const { reject } of this.#waiting.splice(0)) reject(this.#failure);
  }

  close() {
    this.#end(new Error('closed'));
  }
}

function hello(cookie) {
  const bytes = Buffer.alloc(12 + padded(COOKIE_NAME.length) + COOKIE_BYTES);
  bytes.write('l'); // little-endian
  bytes.writeUInt16LE(11, 2);
  bytes.writeUInt16LE(COOKIE_NAME.length, 6);
  bytes.writeUInt16LE(COOKIE_BYTES, 8);
  bytes.write(COOKIE_NAME, 12, 'latin1');
  cookie.copy(bytes, 12 + padded(COOKIE_NAME.length));
  return bytes;
}

function setupSize(unread) {
  return unread.length < 8 ? undefined : 8 + 4 * unread.readUInt16LE(6);
}

/** Errors (0) and events (2 and more) have 32 bytes; a reply (1) says how many more it has. */
function replySize(unread) {
  if (unread.length < HEAD_BYTES) return undefined;
  return unread[0] === 1 ? HEAD_BYTES + 4 * unread.readUInt32LE(4) : HEAD_BYTES;
}

/** Some come to every client, asked for or not (MappingNotify). */
function isEvent(bytes, { sizeOf }) {
  return sizeOf === replySize && bytes[0] > 1;
}
