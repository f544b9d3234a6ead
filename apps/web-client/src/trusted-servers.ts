const KEY = 'peerdeck.servers';
const MAX_SERVERS = 32;

/**
 * Servers that the person has let have a token, by scheme and host, for this tab: a link may name
 * any server, and a token is for the one that made it.
 */
export class TrustedServers {
  readonly #storage: () => Storage;
  /** Where the browser allows no storage it is asked again after a reload. */
  readonly #here = new Set<string>();

  constructor(storage: () => Storage) {
    this.#storage = storage;
  }

  has(url: string): boolean {
    return this.#read().includes(serverOf(url));
  }

  add(url: string): void {
    this.#here.add(serverOf(url));
    try {
      const servers = [...new Set([...this.#read(), serverOf(url)])].slice(-MAX_SERVERS);
      this.#storage().setItem(KEY, JSON.stringify(servers));
    } catch {
      // Not allowed, or full.
    }
  }

  #read(): readonly string[] {
    let kept: unknown;
    try {
      kept = JSON.parse(this.#storage().getItem(KEY) ?? '[]');
    } catch {
      kept = [];
    }
    return [...this.#here, ...(Array.isArray(kept) ? kept.map(String) : [])];
  }
}

/** Scheme, name and port; without the path, which is no other server. */
export function serverOf(url: string): string {
  const { protocol, host } = new URL(url);
  return `${protocol}//${host}`;
}
