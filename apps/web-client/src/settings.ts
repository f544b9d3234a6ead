/** Where the page is, as far as it matters here; `location` of a window fits. */
export interface PageAddress {
  readonly protocol: string;
  readonly host: string;
  readonly hostname: string;
  readonly href: string;
}

const CONFIG_TIMEOUT_MS = 3000;
const MAX_CONFIG_BYTES = 4096;

/** The port that a signaling server takes unless told otherwise; for pages of the dev server. */
const DEVELOPMENT_PORT = 3002;

/** Undefined if it is a signaling address that this page may use, else why not. */
export function addressFault(
  url: string,
  page: PageAddress,
): 'not-an-address' | 'mixed-content' | undefined {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    return 'not-an-address';
  }
  if (parsed.protocol !== 'ws:' && parsed.protocol !== 'wss:') return 'not-an-address';
  const isLocal = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(parsed.hostname);
  if (page.protocol === 'https:' && parsed.protocol === 'ws:' && !isLocal) return 'mixed-content';
  return undefined;
}

/**
 * The folder that the page was loaded from, which is where signaling is unless something else is
 * said: behind a proxy both may lie below a path.
 */
export function ownSignaling(page: PageAddress, development: boolean): string {
  if (development) return `ws://${page.hostname}:${DEVELOPMENT_PORT}/`;
  const { pathname } = new URL('.', page.href);
  return `${page.protocol === 'https:' ? 'wss' : 'ws'}://${page.host}${pathname}`;
}

/**
 * `signalingUrl` of config.json beside index.html. Undefined if there is no such file, or it is
 * no JSON: servers of single pages answer with the page itself.
 */
export async function configuredSignaling(
  page: PageAddress,
  load: typeof fetch,
): Promise<string | undefined> {
  try {
    const response = await load(new URL('config.json', page.href), {
      signal: AbortSignal.timeout(CONFIG_TIMEOUT_MS),
      cache: 'no-cache',
    });
    if (!response.ok) return undefined;
    const text = await response.text();
    if (text.length > MAX_CONFIG_BYTES) return undefined;
    const config: unknown = JSON.parse(text);
    if (typeof config !== 'object' || config === null) return undefined;
    const { signalingUrl } = config as { signalingUrl?: unknown };
    return typeof signalingUrl === 'string' && signalingUrl !== '' ? signalingUrl : undefined;
  } catch {
    return undefined;
  }
}

/** localStorage, which may be forbidden; then nothing is kept. */
export class KeptCode {
  static readonly #key = 'peerdeck.code';
  readonly #storage: () => Storage;

  constructor(storage: () => Storage) {
    this.#storage = storage;
  }

  read(): string | undefined {
    try {
      return this.#storage().getItem(KeptCode.#key) ?? undefined;
    } catch {
      return undefined;
    }
  }

  /** Undefined forgets. */
  write(code: string | undefined): void {
    try {
      if (code === undefined) this.#storage().removeItem(KeptCode.#key);
      else this.#storage().setItem(KeptCode.#key, code);
    } catch {
      // Private windows may refuse; the code is then typed again.
    }
  }
}
