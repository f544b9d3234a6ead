import { BlockList, isIP } from 'node:net';
import { LIMITS, iceServerSchema, type IceServer } from '@peerdeck/protocol';
import * as z from 'zod';

/*
 * The kinds of values an environment variable may hold. Each carries, as zod metadata, what the
 * documentation and the error messages say about it, so that a fact is written once.
 */

export interface FieldMeta {
  /** What is allowed, as an error message and the table in the documentation say it. */
  allowed: string;
  about: string;
  /** The default as one writes it in a .env file; '' means unset. */
  fallback: string;
  /** The value is never shown. */
  secret: boolean;
}

export const fieldMeta = z.registry<FieldMeta>();

type Extra = Partial<Pick<FieldMeta, 'secret'>>;

function field<T>(
  parser: z.ZodType<T, string>,
  fallback: string,
  allowed: string,
  about: string,
  extra: Extra = {},
): z.ZodDefault<z.ZodType<T, string>> {
  const described = z.prefault(parser, fallback) as unknown as z.ZodDefault<z.ZodType<T, string>>;
  fieldMeta.add(described, { allowed, about, fallback, secret: false, ...extra });
  return described;
}

/** A parser from a function that throws, or answers undefined, for what is not allowed. */
function parsed<T>(read: (text: string) => T | undefined): z.ZodType<T, string> {
  return z.string().transform((text, context) => {
    const value = attempt(() => read(text.trim()));
    if (value !== undefined) return value;
    context.addIssue({ code: 'custom', message: 'not allowed' });
    return z.NEVER;
  });
}

function attempt<T>(read: () => T | undefined): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

export function integer(min: number, max: number, fallback: number, about: string) {
  const read = (text: string) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    return value >= min && value <= max ? value : undefined;
  };
  const allowed = `a whole number from ${min} to ${max}`;
  return field(parsed(read), String(fallback), allowed, about);
}

/** A share of something: a decimal from 0 to 1. */
export function ratio(fallback: number, about: string) {
  const read = (text: string) => {
    const value = /^\d{1,3}(\.\d{1,9})?$|^\.\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    return value >= 0 && value <= 1 ? value : undefined;
  };
  return field(parsed(read), String(fallback), 'a number from 0 to 1', about);
}

/** '' for none. */
export function httpUrl(about: string) {
  const read = (text: string) => {
    if (text === '') return text;
    const { protocol, username, password } = new URL(text);
    return /^https?:$/.test(protocol) && username + password === '' ? text : undefined;
  };
  const allowed = 'an http:// or https:// address without user and password';
  return field(parsed(read), '', allowed, about);
}

/** `name=value,name=value`, values percent-encoded, as OpenTelemetry writes headers and attributes. */
export function pairs(about: string, extra?: Extra) {
  const read = (text: string) => {
    const entries = list(text).map((entry): [string, string] | undefined => {
      const [, name = '', value = ''] = /^([\w.-]{1,128})\s*=\s*(.{0,4096})$/.exec(entry) ?? [];
      const decoded = decodeURIComponent(value);
      return name === '' || /[\r\n\0]/.test(decoded) ? undefined : [name, decoded];
    });
    const known = entries.filter((entry) => entry !== undefined);
    return known.length === entries.length ? Object.fromEntries(known) : undefined;
  };
  const allowed = 'a comma-separated list of name=value, values percent-encoded';
  return field(parsed<Readonly<Record<string, string>>>(read), '', allowed, about, extra);
}

/** A limit on a rate; 0 switches it off. */
export function rate(fallback: number, about: string) {
  return integer(0, 10_000_000, fallback, `${about} 0: no limit.`);
}

export function byteRate(fallback: number, about: string) {
  return integer(0, 1_099_511_627_776, fallback, `${about} 0: no limit.`);
}

export function flag(fallback: boolean, about: string, extra?: Extra) {
  const read = (text: string) =>
    /^(true|1)$/i.test(text) ? true : /^(false|0)$/i.test(text) ? false : undefined;
  return field(parsed(read), String(fallback), 'true or false', about, extra);
}

export function choice<const T extends string>(values: readonly T[], fallback: T, about: string) {
  const read = (text: string) => values.find((value) => value === text);
  return field(parsed(read), fallback, values.join(', '), about);
}

/** Some of a closed list, separated by commas, each once; '' for none. */
export function choices(values: readonly string[], about: string) {
  const read = (text: string) => {
    const chosen = list(text);
    const known = chosen.every((entry) => values.includes(entry));
    return known && new Set(chosen).size === chosen.length ? chosen : undefined;
  };
  return field(parsed(read), '', `a comma-separated list of ${values.join(', ')}`, about);
}

export function text(fallback: string, allowed: string, about: string, extra?: Extra) {
  return field(
    parsed((value) => value),
    fallback,
    allowed,
    about,
    extra,
  );
}

/** One name that is safe in a key. */
export function word(fallback: string, about: string) {
  const read = (value: string) => (/^[\w.-]{1,64}$/.test(value) ? value : undefined);
  return field(parsed(read), fallback, '1 to 64 letters, digits, _ . and -', about);
}

/** What a server listens on: an address, or a name that stands for one. */
export function host(about: string) {
  const form = /^[\da-z]([\da-z.-]{0,252}[\da-z])?$/i;
  const read = (value: string) =>
    value === '' || isIP(value) !== 0 || form.test(value) ? value : undefined;
  return field(parsed(read), '', 'an address of this machine', about);
}

/** Addresses of Redis; several are servers of one cluster. They may hold a password. */
export function redisUrls(about: string) {
  const read = (value: string) => {
    const urls = list(value);
    const good = urls.every((entry) => {
      const url = new URL(entry);
      return /^rediss?:$/.test(url.protocol) && url.hostname !== '';
    });
    const oneScheme = new Set(urls.map((entry) => new URL(entry).protocol)).size <= 1;
    return good && oneScheme ? urls : undefined;
  };
  const allowed =
    'redis://[user:password@]host[:port][/database] or rediss:// for TLS; several, with commas ' +
    'between, for Redis Cluster; empty for the embedded bus';
  return field(parsed(read), '', allowed, about, { secret: true });
}

/** RFC 7230 token, which is what a WebSocket subprotocol must be. */
export function token(about: string) {
  const read = (value: string) =>
    value === '' || /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,64}$/.test(value) ? value : undefined;
  return field(parsed(read), '', 'one subprotocol name without spaces', about);
}

/** An entry of the origin allow-list: an exact origin, or any host below one. */
export interface OriginPattern {
  scheme: string;
  host: string;
  /** As a URL writes it: '' for the scheme's own port. */
  port: string;
  subdomains: boolean;
}

function originPattern(entry: string): OriginPattern {
  const wild = /^([a-z][a-z0-9+.-]*:\/\/)\*\.(.+)$/i.exec(entry);
  const url = new URL(wild ? `${wild[1]}${wild[2]}` : entry);
  const more = url.username + url.password + url.search + url.hash;
  if (more !== '' || url.pathname !== '/' || !entry.includes('://')) throw new Error('no origin');
  if (url.hostname.includes('*') || !/^https?:$/.test(url.protocol)) throw new Error('no origin');
  return { scheme: url.protocol, host: url.hostname, port: url.port, subdomains: wild !== null };
}

export function origins(about: string) {
  return field(
    parsed((value) => list(value).map(originPattern)),
    '',
    'a comma-separated list of origins such as https://play.example.com or https://*.example.com',
    about,
  );
}

/** Who may show the page in a frame, as the directive `frame-ancestors` says it (CSP 3, 6.4.2). */
export function frameAncestors(about: string) {
  const read = (value: string) => {
    const bare = value.replaceAll("'", '');
    if (bare === 'none' || bare === 'self') return `'${bare}'`;
    const patterns = list(value).map(originPattern);
    if (patterns.length === 0) return undefined;
    return patterns
      .map(({ scheme, host, port, subdomains }) => {
        const name = `${scheme}//${subdomains ? '*.' : ''}${host}`;
        return port === '' ? name : `${name}:${port}`;
      })
      .join(' ');
  };
  const allowed =
    'none, self, or a comma-separated list of origins such as https://intra.example.com';
  return field(parsed(read), 'none', allowed, about);
}

/** A path below which the service lies: '' for none, else with a slash before and none behind it. */
export function basePath(about: string) {
  const read = (value: string) => {
    const path = value.replace(/\/$/, '');
    if (path === '') return '';
    return /^(\/[\w~-][\w.~-]*)+$/.test(path) && path.length <= 256 ? path : undefined;
  };
  return field(parsed(read), '', 'a path such as /desk, of letters, digits, _ . ~ and -', about);
}

export function networks(about: string) {
  const read = (value: string) => {
    const blocks = new BlockList();
    for (const entry of list(value)) {
      const [address = '', bits, ...more] = entry.split('/');
      const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
      if (isIP(address) === 0 || more.length > 0 || (bits !== undefined && !/^\d{1,3}$/.test(bits)))
        return undefined;
      if (bits === undefined) blocks.addAddress(address, family);
      else blocks.addSubnet(address, Number(bits), family);
    }
    return blocks;
  };
  const allowed = 'a comma-separated list of addresses and CIDR blocks such as 10.0.0.0/8';
  return field(parsed(read), '', allowed, about);
}

/** RFC 7064 and 7065: neither has a path or a user name. */
const STUN_URL = /^stuns?:([\w.-]+|\[[\dA-Fa-f:.]+\])(:\d{1,5})?$/;
const TURN_URL = /^turns?:([\w.-]+|\[[\dA-Fa-f:.]+\])(:\d{1,5})?(\?transport=(udp|tcp))?$/;

export function iceServers(about: string) {
  const read = (value: string): IceServer[] | undefined => {
    const entries: unknown = JSON.parse(value === '' ? '[]' : value);
    if (!Array.isArray(entries)) return undefined;
    return entries.map((entry: unknown) => {
      const urls = typeof entry === 'object' && entry !== null && 'urls' in entry && entry.urls;
      const server = iceServerSchema.parse(
        typeof urls === 'string' ? { ...(entry as object), urls: [urls] } : entry,
      );
      const isTurn = (url: string) => TURN_URL.test(url);
      if (!server.urls.every((url) => STUN_URL.test(url) || isTurn(url))) throw new Error('url');
      // A browser makes no connection with a TURN server that lacks either.
      const { username = '', credential = '' } = server;
      if (server.urls.some(isTurn) && (username === '' || credential === ''))
        throw new Error('turn');
      return server;
    });
  };
  const allowed =
    'a JSON array like [{"urls":["turn:turn.example.com"],"username":"u","credential":"c"}]';
  return field(parsed(read), '', allowed, about, { secret: true });
}

export function turnUrls(about: string) {
  const read = (value: string) => {
    const urls = list(value);
    const good = urls.every((url) => TURN_URL.test(url) && url.length <= LIMITS.iceUrl);
    return good && urls.length <= LIMITS.iceUrls ? urls : undefined;
  };
  const allowed =
    'a comma-separated list of addresses such as turn:turn.example.com:3478?transport=udp or ' +
    `turns:turn.example.com:443?transport=tcp, at most ${LIMITS.iceUrls}`;
  return field(parsed(read), '', allowed, about);
}

function list(value: string): string[] {
  return value
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
}
