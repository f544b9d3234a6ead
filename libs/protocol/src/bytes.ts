/** Byte helpers that Node and browsers share without the ones that only one has. */

const BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const BASE32 = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

export function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Whether the text has at most so many bytes in UTF-8. Encodes nothing. */
export function fitsInBytes(text: string, max: number): boolean {
  if (text.length > max) return false;
  if (text.length * 3 <= max) return true;
  let bytes = text.length;
  for (let at = 0; at < text.length && bytes <= max; at += 1) {
    const unit = text.charCodeAt(at);
    if (unit < 0x80) continue;
    // Of a pair of surrogates, four bytes in all, each unit has two.
    bytes += unit < 0x800 || (unit >= 0xd800 && unit < 0xe000) ? 1 : 2;
  }
  return bytes <= max;
}

/** What the text takes on the wire: a limit in bytes is not one in characters. */
export function utf8Bytes(text: string): number {
  return utf8(text).length;
}

/** base64url without padding (RFC 4648, 5). */
export function toBase64Url(bytes: Uint8Array): string {
  return encodeBits(bytes, 6, BASE64URL);
}

/**
 * Reads base64url without padding. Undefined for any other character, an impossible length, or
 * spare bits that are not zero: one value has one spelling.
 */
export function fromBase64Url(text: string): Uint8Array | undefined {
  return decodeBits(text, 6, BASE64URL);
}

/** Crockford base32, upper case, no check symbol; sizes that are whole characters only. */
export function toBase32(bytes: Uint8Array): string {
  return encodeBits(bytes, 5, BASE32);
}

/** Reads canonical upper-case Crockford base32; undefined for anything else. */
export function fromBase32(text: string): Uint8Array | undefined {
  return decodeBits(text, 5, BASE32);
}

/** Whether a character belongs to the base32 alphabet in its canonical spelling. */
export function isBase32(character: string): boolean {
  return character.length === 1 && BASE32.includes(character);
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}

/** Compares in time that depends only on the lengths. */
export function equalConstantTime(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i += 1) difference |= (a[i] ?? 0) ^ (b[i] ?? 0);
  return difference === 0;
}

function encodeBits(bytes: Uint8Array, width: number, alphabet: string): string {
  let text = '';
  let buffer = 0;
  let bits = 0;
  for (const byte of bytes) {
    buffer = (buffer << 8) | byte;
    bits += 8;
    while (bits >= width) {
      bits -= width;
      text += alphabet.charAt((buffer >> bits) & ((1 << width) - 1));
    }
    buffer &= (1 << bits) - 1;
  }
  return bits === 0 ? text : text + alphabet.charAt(buffer << (width - bits));
}

function decodeBits(text: string, width: number, alphabet: string): Uint8Array | undefined {
  const bytes = new Uint8Array(Math.floor((text.length * width) / 8));
  let buffer = 0;
  let bits = 0;
  let offset = 0;
  for (const character of text) {
    const value = alphabet.indexOf(character);
    if (value < 0) return undefined;
    buffer = (buffer << width) | value;
    bits += width;
    if (bits >= 8) {
      bits -= 8;
      bytes[offset] = buffer >> bits;
      offset += 1;
      buffer &= (1 << bits) - 1;
    }
  }
  return bits >= width || buffer !== 0 ? undefined : bytes;
}
