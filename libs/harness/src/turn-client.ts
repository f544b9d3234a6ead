import { createHash, createHmac, randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';

/*
 * As much of TURN (RFC 8656) over STUN (RFC 8489) on UDP as asks a server whom it serves: long-term
 * credentials, Allocate, Refresh, CreatePermission, Send and Data.
 */

const COOKIE = 0x2112_a442;
const METHODS = { allocate: 0x003, refresh: 0x004, send: 0x006, createPermission: 0x008 } as const;
const ATTRIBUTES = {
  username: 0x0006,
  integrity: 0x0008,
  errorCode: 0x0009,
  lifetime: 0x000d,
  xorPeer: 0x0012,
  data: 0x0013,
  realm: 0x0014,
  nonce: 0x0015,
  xorRelayed: 0x0016,
  family: 0x0017,
  transport: 0x0019,
} as const;
const RESEND_MS = 500;
const SENDS = 20;

export interface TurnAccount {
  readonly username: string;
  readonly credential: string;
}

export interface TurnAnswer {
  /** 0: success; else the error code. */
  readonly error: number;
  readonly attributes: ReadonlyMap<number, Buffer>;
}

type Attribute = readonly [type: number, value: Buffer];

export class TurnClient {
  readonly #port: number;
  readonly #socket: Socket;
  readonly #host: string;
  readonly #credentials: TurnAccount;
  readonly #waiting = new Map<string, (answer: TurnAnswer) => void>();
  #realm: Buffer | undefined;
  #nonce: Buffer | undefined;
  /** Called with what peers send. */
  onData: (data: Buffer) => void = () => {};

  constructor(server: { host?: string; port: number }, credentials: TurnAccount) {
    this.#host = server.host ?? '127.0.0.1';
    this.#port = server.port;
    this.#credentials = credentials;
    this.#socket = createSocket(isIPv6(this.#host) ? 'udp6' : 'udp4');
    this.#socket.on('message', (packet) => {
      this.#received(packet);
    });
  }

  /** An address for peers, or `error`. */
  async allocate(family: 'ipv4' | 'ipv6' = 'ipv4'): Promise<TurnAnswer & { relayed?: Address }> {
    const answer = await this.#request('allocate', [
      [ATTRIBUTES.transport, Buffer.of(17, 0, 0, 0)],
      [ATTRIBUTES.family, Buffer.of(family === 'ipv6' ? 2 : 1, 0, 0, 0)],
    ]);
    const relayed = answer.attributes.get(ATTRIBUTES.xorRelayed);
    return relayed === undefined || relayed[1] === 2
      ? answer
      : { ...answer, relayed: readAddress(relayed) };
  }

  refresh(seconds = 600): Promise<TurnAnswer> {
    const lifetime = Buffer.alloc(4);
    lifetime.writeUInt32BE(seconds);
    return this.#request('refresh', [[ATTRIBUTES.lifetime, lifetime]]);
  }

  permit(peer: string): Promise<TurnAnswer> {
    const transaction = randomBytes(12);
    const value = xorAddress({ host: peer, port: 9 }, transaction);
    return this.#request('createPermission', [[ATTRIBUTES.xorPeer, value]], transaction);
  }

  /** By a Send indication: nobody answers it. */
  send(peer: Address, data: Buffer): void {
    const transaction = randomBytes(12);
    const packet = encode(0x0010 | METHODS.send, transaction, [
      [ATTRIBUTES.xorPeer, xorAddress(peer, transaction)],
      [ATTRIBUTES.data, data],
    ]);
    this.#socket.send(packet, this.#port, this.#host);
  }

  close(): void {
    this.#socket.close();
  }

  async #request(
    method: 'allocate' | 'refresh' | 'createPermission',
    attributes: readonly Attribute[],
    transaction: Buffer = randomBytes(12),
  ): Promise<TurnAnswer> {
    const first = await this.#ask(METHODS[method], transaction, attributes);
    const fresh = first.error === 438 || (first.error === 401 && this.#nonce === undefined);
    this.#realm = first.attributes.get(ATTRIBUTES.realm) ?? this.#realm;
    this.#nonce = first.attributes.get(ATTRIBUTES.nonce) ?? this.#nonce;
    // The transaction stays: an address is masked with it. What was refused counts as no use of it.
    return fresh ? this.#ask(METHODS[method], transaction, attributes) : first;
  }

  #ask(method: number, transaction: Buffer, attributes: readonly Attribute[]): Promise<TurnAnswer> {
    const packet = this.#signed(method, transaction, attributes);
    return new Promise((resolve, reject) => {
      let sends = 0;
      const send = () => {
        sends += 1;
        if (sends > SENDS) {
          clearInterval(timer);
          reject(new Error('the TURN server does not answer'));
        } else this.#socket.send(packet, this.#port, this.#host);
      };
      const timer = setInterval(send, RESEND_MS);
      this.#waiting.set(transaction.toString('hex'), (answer) => {
        clearInterval(timer);
        resolve(answer);
      });
      send();
    });
  }

  /** RFC 8489, 9.2: the key is MD5(user:realm:password), and the length covers the integrity. */
  #signed(method: number, transaction: Buffer, attributes: readonly Attribute[]): Buffer {
    const { username, credential } = this.#credentials;
    const [realm, nonce] = [this.#realm, this.#nonce];
    if (realm === undefined || nonce === undefined) return encode(method, transaction, attributes);
    const packet = encode(method, transaction, [
      ...attributes,
      [ATTRIBUTES.username, Buffer.from(username)],
      [ATTRIBUTES.realm, realm],
      [ATTRIBUTES.nonce, nonce],
    ]);
    packet.writeUInt16BE(packet.length - 20 + 24, 2);
    const key = createHash('md5').update(`${username}:${realm.toString()}:${credential}`).digest();
    const mac = createHmac('sha1', key).update(packet).digest();
    return Buffer.concat([packet, header(ATTRIBUTES.integrity, 20), mac]);
  }

  #received(packet: Buffer): void {
    if (packet.length < 20) return;
    const type = packet.readUInt16BE(0);
    const attributes = decode(packet);
    // A Data indication.
    if (type === 0x0017) {
      const data = attributes.get(ATTRIBUTES.data);
      if (data !== undefined) this.onData(data);
      return;
    }
    const transaction = packet.subarray(8, 20).toString('hex');
    const resolve = this.#waiting.get(transaction);
    this.#waiting.delete(transaction);
    const code = attributes.get(ATTRIBUTES.errorCode);
    const error = code === undefined ? 0 : (code[2] ?? 0) * 100 + (code[3] ?? 0);
    resolve?.({ error, attributes });
  }
}

export interface Address {
  readonly host: string;
  readonly port: number;
}

function encode(type: number, transaction: Buffer, attributes: readonly Attribute[]): Buffer {
  const body = Buffer.concat(
    attributes.flatMap(([name, value]) => [
      header(name, value.length),
      value,
      Buffer.alloc((4 - (value.length % 4)) % 4),
    ]),
  );
  const head = Buffer.alloc(8);
  head.writeUInt16BE(type, 0);
  head.writeUInt16BE(body.length, 2);
  head.writeUInt32BE(COOKIE, 4);
  return Buffer.concat([head, transaction, body]);
}

function header(name: number, length: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt16BE(name, 0);
  bytes.writeUInt16BE(length, 2);
  return bytes;
}

function decode(packet: Buffer): Map<number, Buffer> {
  const attributes = new Map<number, Buffer>();
  for (let at = 20; at + 4 <= packet.length;) {
    const length = packet.readUInt16BE(at + 2);
    attributes.set(packet.readUInt16BE(at), packet.subarray(at + 4, at + 4 + length));
    at += 4 + length + ((4 - (length % 4)) % 4);
  }
  return attributes;
}

/** RFC 8489, 14.2: the port is masked with the cookie, the address with cookie and transaction. */
function xorAddress({ host, port }: Address, transaction: Buffer): Buffer {
  const bytes = isIPv6(host) ? ipv6Bytes(host) : Buffer.from(host.split('.').map(Number));
  const mask = Buffer.alloc(4);
  mask.writeUInt32BE(COOKIE);
  const masks = Buffer.concat([mask, transaction]);
  const head = Buffer.of(0, isIPv6(host) ? 2 : 1, 0, 0);
  head.writeUInt16BE(port ^ (COOKIE >>> 16), 2);
  return Buffer.concat([head, bytes.map((byte, index) => byte ^ (masks[index] ?? 0))]);
}

function readAddress(value: Buffer): Address {
  const mask = Buffer.alloc(4);
  mask.writeUInt32BE(COOKIE);
  const host = [...value.subarray(4, 8)].map((byte, index) => byte ^ (mask[index] ?? 0)).join('.');
  return { host, port: value.readUInt16BE(2) ^ (COOKIE >>> 16) };
}

/** Through the URL parser, which writes every address in one form. */
function ipv6Bytes(host: string): Buffer {
  const name = new URL(`http://[${host}]`).hostname.slice(1, -1);
  const [left = '', right] = name.split('::');
  const head = left === '' ? [] : left.split(':');
  const tail = right === undefined || right === '' ? [] : right.split(':');
  const zeros = Array<string>(right === undefined ? 0 : 8 - head.length - tail.length).fill('0');
  const words = [...head, ...zeros, ...tail].map((word) => Number.parseInt(word, 16));
  return Buffer.from(words.flatMap((word) => [word >> 8, word & 255]));
}
