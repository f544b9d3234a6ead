import { createHash } from 'node:crypto';
import { readFile, realpath, stat } from 'node:fs/promises';
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { extname, join, sep } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.map': 'application/json; charset=utf-8',
  '.webmanifest': 'application/manifest+json; charset=utf-8',
  '.svg': 'image/svg+xml; charset=utf-8',
  '.txt': 'text/plain; charset=utf-8',
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.jpeg': 'image/jpeg',
  '.webp': 'image/webp',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.wasm': 'application/wasm',
};

/**
 * The page loads nothing from elsewhere; it connects to the signaling address of its config.json or
 * its link, which may be on any host.
 */
const POLICY = [
  "default-src 'self'",
  "connect-src 'self' ws: wss:",
  "img-src 'self' data: blob:",
  "font-src 'self' data:",
  "media-src 'self' blob:",
  "worker-src 'self' blob:",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
];

const SECURITY_HEADERS: OutgoingHttpHeaders = {
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-origin',
  // A page that opened this one, or was opened by it, has no hold on its window.
  'Cross-Origin-Opener-Policy': 'same-origin',
};

/** A name that a bundler made from the content: `index-BXVs1UmA.js`. */
const HASHED = /^\/assets\/.+-[A-Za-z0-9_-]{8,}\.[a-z0-9]+$/;
const MAX_FILE_BYTES = 32 * 1024 * 1024;
/** Files kept in memory; the one that came first goes first. */
const MAX_CACHED = 256;

/** Of browsers that do not know `frame-ancestors`; it can name no origins. */
const FRAME_OPTIONS: Readonly<Record<string, string>> = {
  "'none'": 'DENY',
  "'self'": 'SAMEORIGIN',
};

export interface StaticFilesOptions {
  /** A path that requests may begin with, without a slash at its end; '' for none. */
  readonly basePath: string;
  /** The sources of the directive `frame-ancestors`. */
  readonly frameAncestors: string;
}

interface CachedFile {
  readonly stamp: string;
  readonly etag: string;
  readonly type: string;
  readonly bodies: Readonly<Record<Encoding, Buffer | undefined>>;
}
type Encoding = 'br' | 'gzip' | 'identity';

/** Serves the files of one folder, small enough to be kept in memory, read-only. */
export class StaticFiles {
  readonly #root: string;
  readonly #basePath: string;
  readonly #headers: OutgoingHttpHeaders;
  readonly #cache = new Map<string, CachedFile>();
  /** Files that are being read, by name and stamp: compressing takes a while. */
  readonly #loading = new Map<string, Promise<CachedFile>>();

  /** `root` is a real path: see `open`. */
  private constructor(root: string, { basePath, frameAncestors }: StaticFilesOptions) {
    this.#root = root;
    this.#basePath = basePath;
    const options = FRAME_OPTIONS[frameAncestors];
    this.#headers = {
      ...SECURITY_HEADERS,
      'Content-Security-Policy': [...POLICY, `frame-ancestors ${frameAncestors}`].join('; '),
      ...(options === undefined ? {} : { 'X-Frame-Options': options }),
    };
  }

  /** Rejects unless the folder has an index.html. */
  static async open(folder: string, options: StaticFilesOptions): Promise<StaticFiles> {
    const root = await realpath(folder);
    if (!(await stat(join(root, 'index.html'))).isFile()) throw new Error('no index.html');
    return new StaticFiles(root, options);
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      this.#answer(response, 405, { Allow: 'GET, HEAD' }, 'GET only\n');
      return;
    }
    const url = request.url ?? '/';
    if (url.split(/[?#]/)[0] === this.#basePath) {
      // What the page names lies beside it, so its own address must be that of a folder.
      const Location = `${this.#basePath}/${url.slice(this.#basePath.length)}`;
      this.#answer(response, 308, { Location, 'Cache-Control': 'no-cache' });
      return;
    }
    const path = safePath(this.#withoutBase(url));
    const file = path === undefined ? undefined : await this.#load(path);
    if (path === undefined || file === undefined) {
      // A page that is served without a file of its own talks to where it came from.
      if (path === '/config.json') {
        const headers = { 'Content-Type': TYPES['.json'], 'Cache-Control': 'no-cache' };
        this.#answer(response, 200, headers, '{}\n');
      } else this.#answer(response, 404, {}, 'Not found\n');
      return;
    }
    const cache = HASHED.test(path) ? 'public, max-age=31536000, immutable' : 'no-cache';
    const headers = { 'Cache-Control': cache, ETag: file.etag, Vary: 'Accept-Encoding' };
    if (isKnown(request.headers['if-none-match'], file.etag)) {
      this.#answer(response, 304, headers);
      return;
    }
    const encoding = chooseEncoding(request.headers['accept-encoding'], file);
    const body = file.bodies[encoding];
    const coded = encoding === 'identity' ? {} : { 'Content-Encoding': encoding };
    this.#answer(response, 200, { ...headers, ...coded, 'Content-Type': file.type }, body);
  }

  /** A proxy may take the path off, or leave it on: both find the files. */
  #withoutBase(url: string): string {
    return url.startsWith(`${this.#basePath}/`) ? url.slice(this.#basePath.length) : url;
  }

  async #load(path: string): Promise<CachedFile | undefined> {
    try {
      // A link inside the folder may lead out of it.
      const name = await realpath(join(this.#root, path));
      if (!name.startsWith(this.#root + sep)) return undefined;
      const info = await stat(name);
      if (!info.isFile() || info.size > MAX_FILE_BYTES) return undefined;
      const stamp = `${info.mtimeMs}-${info.size}`;
      const known = this.#cache.get(name);
      if (known?.stamp === stamp) return known;
      return await this.#loadOnce(name, stamp);
    } catch {
      return undefined;
    }
  }

  async #loadOnce(name: string, stamp: string): Promise<CachedFile> {
    const key = `${stamp} ${name}`;
    const known = this.#loading.get(key);
    if (known !== undefined) return known;
    const loading = load(name, stamp);
    this.#loading.set(key, loading);
    try {
      const file = await loading;
      this.#cache.set(name, file);
      const oldest = this.#cache.keys().next().value;
      if (this.#cache.size > MAX_CACHED && oldest !== undefined) this.#cache.delete(oldest);
      return file;
    } finally {
      this.#loading.delete(key);
    }
  }

  #answer(
    response: ServerResponse,
    status: number,
    headers: OutgoingHttpHeaders,
    body?: string | Buffer,
  ): void {
    const type = { 'Content-Type': 'text/plain; charset=utf-8' };
    response.writeHead(status, {
      ...this.#headers,
      ...(body === undefined ? {} : type),
      ...(body === undefined ? {} : { 'Content-Length': Buffer.byteLength(body) }),
      ...headers,
    });
    // Node leaves the body out of an answer to HEAD.
    response.end(body);
  }
}

async function load(name: string, stamp: string): Promise<CachedFile> {
  const identity = await readFile(name);
  const type = TYPES[extname(name).toLowerCase()] ?? 'application/octet-stream';
  const etag = `"${createHash('sha256').update(identity).digest('base64url').slice(0, 22)}"`;
  const compress = identity.length > 512 && /^text|json|javascript|svg|wasm/.test(type);
  const quality = { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } };
  const br = compress ? await promisify(brotliCompress)(identity, quality) : undefined;
  const gz = compress ? await promisify(gzip)(identity) : undefined;
  return { stamp, etag, type, bodies: { br, gzip: gz, identity } };
}

/** The path below the folder, or undefined for one that no page of ours asks for. */
function safePath(url: string): string | undefined {
  let path: string;
  try {
    path = decodeURIComponent(url.split(/[?#]/)[0] ?? '');
  } catch {
    return undefined;
  }
  if (!path.startsWith('/') || path.includes('\\') || path.includes('\0')) return undefined;
  // No way up, and nothing hidden.
  if (path.split('/').some((part) => part.startsWith('.'))) return undefined;
  return path.endsWith('/') ? `${path}index.html` : path;
}

/** RFC 9110, 13.1.2: by weak comparison, for a proxy that compresses makes a tag weak. */
function isKnown(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  const tags = header.split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  return tags.includes(etag) || tags.includes('*');
}

function chooseEncoding(accepted: string | string[] | undefined, file: CachedFile): Encoding {
  const names = String(accepted ?? '')
    .split(',')
    .filter((entry) => !/;\s*q=0(\.0*)?\s*$/.test(entry))
    .map((entry) => entry.split(';')[0]?.trim());
  for (const encoding of ['br', 'gzip'] as const) {
    if (names.includes(encoding) && file.bodies[encoding] !== undefined) return encoding;
  }
  return 'identity';
}
