import type * as z from 'zod/mini';
import { fitsInBytes } from './bytes.ts';
import {
  hostControlMessageSchema,
  viewerControlMessageSchema,
  type HostControlMessage,
  type ViewerControlMessage,
} from './control-messages.ts';
import { nestsDeeper } from './json-depth.ts';
import { LIMITS } from './limits.ts';
import {
  originalClientMessageSchema,
  originalServerMessageSchema,
  type OriginalClientMessage,
  type OriginalServerMessage,
} from './original-messages.ts';
import {
  clientMessageSchema,
  serverMessageSchema,
  type ClientMessage,
  type ServerMessage,
} from './signaling-messages.ts';

export interface ParseError {
  readonly code: 'malformed' | 'unknown-type' | 'invalid-message' | 'too-large';
  /** Path of the first field at fault, dotted; '' for the message as a whole. */
  readonly field: string;
  /** What is wrong and what is asked for. Never quotes the value: it may be a secret. */
  readonly message: string;
}
export type Parsed<T> =
  { readonly ok: true; readonly message: T } | { readonly ok: false; readonly error: ParseError };

/** What a signaling server reads on a `peerdeck.v2` connection. None of these ever throws. */
export function parseClientMessage(text: unknown): Parsed<ClientMessage> {
  return parse(clientMessageSchema, text, LIMITS.signalingMessageBytes, LIMITS.controlAction);
}

/** A message, and whether its text says nothing but what is in it: no key was dropped. */
export type ParsedText<T> =
  | { readonly ok: true; readonly message: T; readonly exact: boolean }
  | { readonly ok: false; readonly error: ParseError };

/** As `parseClientMessage`, for a server that would rather pass a text on than write it anew. */
export function parseClientText(text: unknown): ParsedText<ClientMessage> {
  const read = readObject(text, LIMITS.signalingMessageBytes);
  if (!read.ok) return read;
  const parsed = check(clientMessageSchema, read.message, LIMITS.controlAction);
  if (!parsed.ok) return parsed;
  const { message } = parsed;
  return { ok: true, message, exact: sameKeys(read.message.value, message) };
}

/** What host and browser read from a `peerdeck.v2` server. */
export function parseServerMessage(text: unknown): Parsed<ServerMessage> {
  return parse(serverMessageSchema, text, LIMITS.signalingMessageBytes);
}

/** What a signaling server reads on a connection of the original protocol. */
export function parseOriginalClientMessage(text: unknown): Parsed<OriginalClientMessage> {
  return parse(
    originalClientMessageSchema,
    text,
    LIMITS.signalingMessageBytes,
    LIMITS.controlAction,
  );
}

/** What a client of the original protocol reads. */
export function parseOriginalServerMessage(text: unknown): Parsed<OriginalServerMessage> {
  return parse(originalServerMessageSchema, text, LIMITS.signalingMessageBytes);
}

/** What a viewer reads on the `control` data channel. */
export function parseHostControlMessage(text: unknown): Parsed<HostControlMessage> {
  return parse(hostControlMessageSchema, text, LIMITS.controlMessageBytes);
}

/** What a host reads on the `control` data channel. */
export function parseViewerControlMessage(text: unknown): Parsed<ViewerControlMessage> {
  return parse(viewerControlMessageSchema, text, LIMITS.controlMessageBytes);
}

interface MessageUnion<T> {
  readonly def: {
    readonly options: readonly z.core.$ZodType[];
  };
  safeParse(
    value: unknown,
  ): { success: true; data: T } | { success: false; error: z.core.$ZodError };
}

interface ReadObject {
  readonly value: object;
  readonly text: string;
}

/**
 * `maxControl` is for what a sender writes. What a server makes of it may be longer: it adds
 * `from`, and may write 1e20 with all its digits.
 */
function parse<T>(
  schema: MessageUnion<T>,
  text: unknown,
  maxBytes: number,
  maxControl = maxBytes,
): Parsed<T> {
  const read = readObject(text, maxBytes);
  return read.ok ? check(schema, read.message, maxControl) : read;
}

function readObject(text: unknown, maxBytes: number): Parsed<ReadObject> {
  if (typeof text !== 'string') return fail('malformed', '', 'expected a text frame');
  if (!fitsInBytes(text, maxBytes)) {
    return fail('too-large', '', `at most ${maxBytes} bytes are taken`);
  }
  if (text.length > SCAN_FROM && nestsDeeper(text, LIMITS.jsonDepth)) {
    return fail('malformed', '', TOO_DEEP);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return fail('malformed', '', 'expected one JSON object');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return fail('malformed', '', 'expected one JSON object');
  }
  const unsafe = findUnsafe(value);
  if (unsafe !== undefined) return fail('malformed', '', unsafe);
  return { ok: true, message: { value, text } };
}

function check<T>(
  schema: MessageUnion<T>,
  { value, text }: ReadObject,
  maxControl: number,
): Parsed<T> {
  const { type } = value as { type?: unknown };
  if (typeof type !== 'string') {
    return fail('invalid-message', 'type', 'expected a string that names the message');
  }
  if (!typesOf(schema).has(type)) {
    return fail('unknown-type', 'type', 'this type of message is not read here');
  }
  if (type === 'control' && !fitsInBytes(text, maxControl)) {
    return fail('too-large', 'payload', `at most ${maxControl} bytes are taken`);
  }
  const result = schema.safeParse(value);
  if (result.success) return { ok: true, message: result.data };
  return { ok: false, error: describe(result.error) };
}

/** Whether `kept`, which has nothing that `raw` has not, has all of it. */
function sameKeys(raw: object, kept: object): boolean {
  // What no schema describes (a payload) is handed on as it is.
  if (raw === kept) return true;
  const keys = Object.keys(kept);
  if (Object.keys(raw).length !== keys.length) return false;
  for (const key of keys) {
    const value = (kept as Record<string, unknown>)[key];
    if (typeof value !== 'object' || value === null) continue;
    if (!sameKeys((raw as Record<string, object>)[key] ?? value, value)) return false;
  }
  return true;
}

/** A shorter text is parsed at once: however deep it nests, that costs little. */
const SCAN_FROM = 8 * 1024;
const TOO_DEEP = `nested deeper than ${LIMITS.jsonDepth} levels`;

const FORBIDDEN_KEYS = new Set(['__proto__', 'constructor', 'prototype']);

/** Walks the value no deeper and no longer than the limits allow. */
function findUnsafe(root: object): string | undefined {
  let values = 0;
  const walk = (value: object, depth: number): string | undefined => {
    if (depth > LIMITS.jsonDepth) return TOO_DEEP;
    const isArray = Array.isArray(value);
    for (const key of Object.keys(value)) {
      values += 1;
      if (values > LIMITS.jsonValues) return `more than ${LIMITS.jsonValues} values`;
      if (!isArray && FORBIDDEN_KEYS.has(key)) return `the key "${key}" is not allowed`;
      const member = (value as Record<string, unknown>)[key];
      if (typeof member !== 'object' || member === null) continue;
      const found = walk(member, depth + 1);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  return walk(root, 1);
}

const typesBySchema = new WeakMap<object, ReadonlySet<string>>();

function typesOf(schema: MessageUnion<unknown>): ReadonlySet<string> {
  let types = typesBySchema.get(schema);
  if (types === undefined) {
    const found = new Set<string>();
    for (const option of schema.def.options) {
      const names = option._zod.propValues?.['type'] ?? [];
      for (const name of names) found.add(String(name));
    }
    types = found;
    typesBySchema.set(schema, types);
  }
  return types;
}

function describe(error: z.core.$ZodError): ParseError {
  const issue = error.issues[0];
  if (issue === undefined) return { code: 'invalid-message', field: '', message: 'not valid' };
  const field = issue.path.map(String).join('.');
  switch (issue.code) {
    case 'too_big': {
      const unit =
        issue.origin === 'string' ? ' characters' : issue.origin === 'array' ? ' elements' : '';
      const code = unit === '' ? 'invalid-message' : 'too-large';
      return { code, field, message: `at most ${String(issue.maximum)}${unit}` };
    }
    case 'too_small': {
      const unit =
        issue.origin === 'string' ? ' characters' : issue.origin === 'array' ? ' elements' : '';
      return {
        code: 'invalid-message',
        field,
        message: `at least ${String(issue.minimum)}${unit}`,
      };
    }
    case 'invalid_type':
      return { code: 'invalid-message', field, message: `expected ${issue.expected}` };
    case 'invalid_value':
      return {
        code: 'invalid-message',
        field,
        message: `expected one of ${issue.values.map(String).join(', ')}`,
      };
    case 'invalid_format':
      return { code: 'invalid-message', field, message: 'not in the expected form' };
    case 'custom': {
      const bytes: unknown = issue.params?.['bytes'];
      if (typeof bytes !== 'number') break;
      return { code: 'too-large', field, message: `at most ${bytes} bytes` };
    }
    default:
      break;
  }
  return { code: 'invalid-message', field, message: 'not valid' };
}

function fail(code: ParseError['code'], field: string, message: string): Parsed<never> {
  return { ok: false, error: { code, field, message } };
}
