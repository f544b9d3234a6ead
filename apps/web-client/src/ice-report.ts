/** Kinds of ICE candidates (RFC 8445, 4; RFC 8839, 5.1): `mdns` is a host one with a hidden address. */
export type CandidateKind = 'host' | 'mdns' | 'srflx' | 'prflx' | 'relay';

/** Which ways were tried, for the explanation of a failure. Addresses are left out. */
export interface IceReport {
  readonly local: readonly CandidateKind[];
  readonly remote: readonly CandidateKind[];
  /** The STUN and TURN servers that were to be asked, without credentials. */
  readonly servers: readonly string[];
}

/** The kind of a candidate line; undefined for what is none. */
export function candidateKind(candidate: string): CandidateKind | undefined {
  const fields = candidate.trim().replace(/^a=/, '').split(/\s+/);
  const at = fields.indexOf('typ');
  const type = at < 0 ? undefined : fields[at + 1];
  if (type === 'host') return fields[4]?.endsWith('.local') === true ? 'mdns' : 'host';
  if (type === 'srflx' || type === 'prflx' || type === 'relay') return type;
  return undefined;
}

/** Collects kinds from both sides of one attempt. */
export class IceTally {
  readonly #local = new Set<CandidateKind>();
  readonly #remote = new Set<CandidateKind>();
  #servers: readonly string[] = [];

  constructor(servers: readonly { readonly urls: readonly string[] }[]) {
    this.useServers(servers);
  }

  /** Those of the next try. */
  useServers(servers: readonly { readonly urls: readonly string[] }[]): void {
    this.#servers = servers.flatMap((server) => server.urls);
  }

  add(side: 'local' | 'remote', candidate: string): void {
    const kind = candidateKind(candidate);
    if (kind !== undefined) (side === 'local' ? this.#local : this.#remote).add(kind);
  }

  report(): IceReport {
    return { local: [...this.#local], remote: [...this.#remote], servers: this.#servers };
  }
}

/** One sentence on what most likely stood in the way, and one on the remedy. */
export function explainNoPath(report: IceReport): { cause: string; remedy: string } {
  const has = (kind: CandidateKind) => report.local.includes(kind) || report.remote.includes(kind);
  const hasTurn = report.servers.some((url) => /^turns?:/i.test(url));
  const hasStun = report.servers.some((url) => /^stuns?:/i.test(url));
  if (report.remote.length === 0) {
    return {
      cause: 'The host answered, but sent no address at which it can be reached.',
      remedy: 'Check the network connection of the host, and its firewall for UDP.',
    };
  }
  if (has('relay')) {
    return {
      cause: 'Direct ways and the relay (TURN) were tried, and none carried data.',
      remedy: 'A firewall on one side probably blocks UDP; try TURN over TLS on port 443.',
    };
  }
  if (hasTurn) {
    return {
      cause: 'No direct way works, and the relay (TURN) gave no address.',
      remedy:
        'Check that the TURN server runs, and that its credentials are right: TURN_SECRET of the signaling service, or iceServers in the host’s configuration.',
    };
  }
  if (hasStun) {
    return {
      cause: 'No direct way works between these two networks, and no relay is set up.',
      remedy:
        'Add a TURN server to the signaling service (TURN_URLS) or to iceServers in the host’s configuration: it carries the stream where routers do not let it through.',
    };
  }
  return {
    cause: 'Only addresses of the local networks were tried, and none was reachable.',
    remedy:
      'Within one network: check the firewall for UDP. Across the internet: add STUN and TURN servers to iceServers in the host’s configuration.',
  };
}
