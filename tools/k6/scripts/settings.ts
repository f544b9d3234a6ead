/** What a scenario is run with: the environment of k6 (`-e NAME=value`), each with a default. */
export interface Settings {
  /** Nodes, or what stands before them. A room's host uses one, its viewer the next. */
  readonly urls: readonly string[];
  /** Where clients connect whose connection is to be cut without a close frame. */
  readonly cutUrls: readonly string[];
  readonly protocol: 'v2' | 'original';
  readonly rooms: number;
  /** Messages a second in each room. */
  readonly rate: number;
  readonly durationS: number;
  /** Time in which the rooms of a steady scenario are opened. */
  readonly rampS: number;
  /** Size of a relayed message, about. */
  readonly bytes: number;
  /** Clients of one virtual user share an event loop. */
  readonly vus: number;
  /** How long a client waits at most, at random, before it comes back. */
  readonly jitterMs: number;
  readonly token: string | undefined;
  /** First part of the rooms' ids: 8 digits of base 16. */
  readonly run: string;
  /** Where the summary goes as JSON. */
  readonly summaryFile: string | undefined;
  readonly limits: {
    readonly joinP95Ms: number;
    readonly relayP95Ms: number;
    readonly relayP99Ms: number;
    readonly setupP95Ms: number;
    readonly reconnectP95Ms: number;
  };
}

const ROOMS_PER_VU = 50;
const MAX_VUS = 40;

/** @throws an Error that names the variable and what is allowed. */
export function readSettings(env: Readonly<Record<string, string | undefined>>): Settings {
  const number = (name: string, fallback: number, least = 0): number => {
    const text = env[name] ?? '';
    const value = text === '' ? fallback : Number(text);
    if (Number.isFinite(value) && value >= least) return value;
    throw new Error(`${name}=${text}: a number of at least ${least} is allowed`);
  };
  const list = (name: string): string[] => {
    const urls = (env[name] ?? '').split(',').filter((url) => url !== '');
    for (const url of urls) {
      if (!/^wss?:\/\/[^/]/.test(url))
        throw new Error(`${name}=${url}: ws:// or wss:// is allowed`);
    }
    return urls;
  };
  const protocol = env['PROTOCOL'] ?? 'v2';
  if (protocol !== 'v2' && protocol !== 'original') {
    throw new Error(`PROTOCOL=${protocol}: v2 or original is allowed`);
  }
  const urls = list('URL');
  const rooms = Math.ceil(number('ROOMS', 100, 1));
  const vus = Math.min(MAX_VUS, Math.max(1, Math.ceil(rooms / ROOMS_PER_VU)));
  return {
    urls: urls.length > 0 ? urls : ['ws://127.0.0.1:3002'],
    cutUrls: list('CUT_URL'),
    protocol,
    rooms,
    rate: number('RATE', 1, 0.01),
    durationS: number('DURATION', 30, 1),
    rampS: number('RAMP', Math.max(2, rooms / 100)),
    bytes: number('BYTES', 1024, 64),
    vus: Math.min(rooms, Math.ceil(number('VUS', vus, 1))),
    jitterMs: number('JITTER_MS', 500),
    token: env['TOKEN'] === '' ? undefined : env['TOKEN'],
    run: Date.now().toString(16).slice(-8),
    summaryFile: env['SUMMARY_FILE'] === '' ? undefined : env['SUMMARY_FILE'],
    limits: {
      joinP95Ms: number('JOIN_P95_MS', 3000),
      relayP95Ms: number('RELAY_P95_MS', 50),
      relayP99Ms: number('RELAY_P99_MS', 150),
      setupP95Ms: number('SETUP_P95_MS', 5000),
      reconnectP95Ms: number('RECONNECT_P95_MS', 10_000),
    },
  };
}

/** The rooms that virtual user `vu` (from 1) looks after: every one belongs to exactly one. */
export function roomsOf({ rooms, vus }: Settings, vu: number): number[] {
  const mine: number[] = [];
  for (let room = vu - 1; room < rooms; room += vus) mine.push(room);
  return mine;
}

/** 32 digits, as `peerdeck.v2` wants a room to be called; the original protocol takes any. */
export function roomId(run: string, ...numbers: number[]): string {
  const [a = 0, b = 0, c = 0] = numbers;
  return run.padStart(8, '0') + [a, b, c].map((n) => String(n).padStart(8, '0')).join('');
}
