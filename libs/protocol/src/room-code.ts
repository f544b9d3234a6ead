import { hkdf } from '@noble/hashes/hkdf.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { randomBytes } from '@noble/hashes/utils.js';
import { fromBase32, isBase32, toBase32, utf8 } from './bytes.ts';
import type { AccessRole } from './signaling-messages.ts';

/*
 * Room codes and what is derived from them (docs/protocol.md, "Room code and keys"). Each step
 * is one-way: who has a view code can't find the control code, and who sees the room id finds
 * neither.
 */

export const SECRET_BYTES = 10;
const CODE_CHARACTERS = 16;

/** Fills `size` fresh random bytes. The default works on plain http pages too. */
export type RandomSource = (size: number) => Uint8Array;

/** A code that was read: what it opens, and its 10 bytes. */
export interface RoomCode {
  readonly role: AccessRole;
  readonly secret: Uint8Array;
  /** The canonical spelling, `XXXX-XXXX-XXXX-XXXX`, with `V-` in front of a view code. */
  readonly text: string;
}

export interface RoomCodeError {
  readonly code: 'empty' | 'wrong-length' | 'wrong-character';
  /** For people; does not quote the code. */
  readonly message: string;
}
export type ParsedRoomCode =
  | { readonly ok: true; readonly code: RoomCode }
  | { readonly ok: false; readonly error: RoomCodeError };

/** A new control code of 80 random bits. */
export function generateRoomCode(random: RandomSource = randomBytes): string {
  const secret = random(SECRET_BYTES);
  if (secret.length !== SECRET_BYTES) throw new RangeError('the random source gave too little');
  return formatRoomCode('control', secret);
}

/** The canonical spelling of a secret of 10 bytes. */
export function formatRoomCode(role: AccessRole, secret: Uint8Array): string {
  if (secret.length !== SECRET_BYTES) {
    throw new RangeError(`a room secret has ${SECRET_BYTES} bytes, not ${secret.length}`);
  }
  const groups = toBase32(secret).match(/.{4}/g) ?? [];
  return (role === 'view' ? ['V', ...groups] : groups).join('-');
}

/**
 * Reads a code as people type it: case, spaces and dashes do not matter, O is 0, I and L are 1.
 * Never throws; the error says what to look at.
 */
export function parseRoomCode(typed: string): ParsedRoomCode {
  const characters = typed.toUpperCase().replaceAll(/[\s\-\u2010-\u2015\u2212_.]+/g, '');
  if (characters === '') {
    return refuse('empty', `Enter the code that the host shows: ${CODE_CHARACTERS} characters.`);
  }
  if (characters.length > 64) {
    return refuse('wrong-length', `A code has ${CODE_CHARACTERS} characters; this is far longer.`);
  }
  // A V of its own is the mark of a view code, even when another character is missing.
  const marked = /^\s*v[\s\-\u2010-\u2015\u2212_.]/i.test(typed);
  const isView = marked || (characters.length > CODE_CHARACTERS && characters.startsWith('V'));
  const body = [...(isView ? characters.slice(1) : characters)].map(
    (character) => LOOKALIKES[character] ?? character,
  );
  const wrong = body.findIndex((character) => !isBase32(character));
  if (wrong >= 0) {
    const hint =
      body[wrong] === 'U' ? ' Codes have no U; is it a V?' : ' Codes have letters and digits only.';
    return refuse('wrong-character', `Character ${wrong + 1} can't be part of a code.${hint}`);
  }
  if (body.length !== CODE_CHARACTERS) {
    const difference = Math.abs(body.length - CODE_CHARACTERS);
    const word = body.length < CODE_CHARACTERS ? 'missing' : 'too many';
    return refuse(
      'wrong-length',
      `A code has ${CODE_CHARACTERS} characters; here ${difference} ${difference === 1 ? 'is' : 'are'} ${word}.`,
    );
  }
  const secret = fromBase32(body.join(''));
  if (secret === undefined) return refuse('wrong-character', 'This is not a code.');
  const role = isView ? 'view' : 'control';
  return { ok: true, code: { role, secret, text: formatRoomCode(role, secret) } };
}

export interface ControlKeys {
  readonly controlKey: Uint8Array;
  readonly viewSecret: Uint8Array;
  /** The code to hand to those who may only look. */
  readonly viewCode: string;
  readonly viewKey: Uint8Array;
  /** Public: what the signaling service sees. */
  readonly roomId: string;
}

/** All that a control code opens. Throws RangeError for anything but a control code. */
export function deriveControl(code: RoomCode | string): ControlKeys {
  const { secret } = expectRole(code, 'control');
  const viewSecret = derive(secret, 'peerdeck/1 view secret', SECRET_BYTES);
  return {
    controlKey: derive(secret, 'peerdeck/1 control key', 32),
    viewSecret,
    viewCode: formatRoomCode('view', viewSecret),
    viewKey: derive(viewSecret, 'peerdeck/1 view key', 32),
    roomId: deriveRoomId(viewSecret),
  };
}

export interface ViewKeys {
  readonly viewKey: Uint8Array;
  readonly roomId: string;
}

/** All that a view code opens. Throws RangeError for anything but a view code. */
export function deriveView(code: RoomCode | string): ViewKeys {
  const { secret } = expectRole(code, 'view');
  return { viewKey: derive(secret, 'peerdeck/1 view key', 32), roomId: deriveRoomId(secret) };
}

/** What a viewer needs of either code: its role, the key of that role, and where to go. */
export function deriveViewer(code: RoomCode): {
  readonly role: AccessRole;
  readonly key: Uint8Array;
  readonly roomId: string;
} {
  if (code.role === 'control') {
    const { controlKey, roomId } = deriveControl(code);
    return { role: 'control', key: controlKey, roomId };
  }
  const { viewKey, roomId } = deriveView(code);
  return { role: 'view', key: viewKey, roomId };
}

const LOOKALIKES: Readonly<Record<string, string>> = { O: '0', I: '1', L: '1' };

function expectRole(code: RoomCode | string, role: AccessRole): RoomCode {
  let read = code;
  if (typeof read === 'string') {
    const parsed = parseRoomCode(read);
    if (!parsed.ok) throw new RangeError(parsed.error.message);
    read = parsed.code;
  }
  if (read.role !== role) throw new RangeError(`expected a ${role} code, not a ${read.role} code`);
  return read;
}

function deriveRoomId(viewSecret: Uint8Array): string {
  return toBase32(derive(viewSecret, 'peerdeck/1 room id', 20)).toLowerCase();
}

/** HKDF-SHA256 (RFC 5869) with an empty salt. */
function derive(secret: Uint8Array, info: string, size: number): Uint8Array {
  return hkdf(sha256, secret, new Uint8Array(0), utf8(info), size);
}

function refuse(code: RoomCodeError['code'], message: string): ParsedRoomCode {
  return { ok: false, error: { code, message } };
}
