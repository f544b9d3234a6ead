/** What is read of one RTCStatsReport (W3C webrtc-stats); counters are totals, times seconds. */
export interface Sample {
  /** Milliseconds of the report's clock. */
  readonly at: number;
  readonly video?: VideoSample | undefined;
  readonly path?: PathSample | undefined;
}

export interface VideoSample {
  readonly bytes: number;
  readonly packets: number;
  readonly lost: number;
  readonly decoded: number;
  readonly dropped: number;
  readonly decodeTime: number;
  readonly jitterBufferDelay: number;
  readonly jitterBufferEmitted: number;
  readonly plis: number;
  readonly nacks: number;
  readonly jitter: number | undefined;
  readonly width: number | undefined;
  readonly height: number | undefined;
  readonly codec: string | undefined;
  readonly decoder: string | undefined;
}

export interface PathSample {
  readonly local: string;
  readonly remote: string;
  readonly protocol: string | undefined;
  /** Seconds. */
  readonly roundTrip: number | undefined;
}

type Entry = Readonly<Record<string, unknown>>;

/** `report`: an RTCStatsReport, or anything that lists its entries. */
export function readSample(report: Iterable<readonly [string, unknown]>, now: number): Sample {
  const entries = new Map<string, Entry>();
  let inbound: Entry | undefined;
  let transport: Entry | undefined;
  let nominated: Entry | undefined;
  for (const [id, value] of report) {
    if (typeof value !== 'object' || value === null) continue;
    const entry = value as Entry;
    entries.set(id, entry);
    if (entry['type'] === 'inbound-rtp' && entry['kind'] === 'video') inbound = entry;
    else if (entry['type'] === 'transport') transport = entry;
    else if (entry['type'] === 'candidate-pair' && entry['nominated'] === true) {
      if (entry['state'] === 'succeeded') nominated = entry;
    }
  }
  const selected = text(transport?.['selectedCandidatePairId']);
  const pair = (selected === undefined ? undefined : entries.get(selected)) ?? nominated;
  return {
    at: number(inbound?.['timestamp']) ?? now,
    video: inbound && readVideo(inbound, entries),
    path: pair && readPath(pair, entries),
  };
}

function readVideo(entry: Entry, entries: ReadonlyMap<string, Entry>): VideoSample {
  const total = (key: string) => number(entry[key]) ?? 0;
  const codec = entries.get(text(entry['codecId']) ?? '');
  return {
    bytes: total('bytesReceived'),
    packets: total('packetsReceived'),
    lost: total('packetsLost'),
    decoded: total('framesDecoded'),
    dropped: total('framesDropped'),
    decodeTime: total('totalDecodeTime'),
    jitterBufferDelay: total('jitterBufferDelay'),
    jitterBufferEmitted: total('jitterBufferEmittedCount'),
    plis: total('pliCount'),
    nacks: total('nackCount'),
    jitter: number(entry['jitter']),
    width: number(entry['frameWidth']),
    height: number(entry['frameHeight']),
    codec: text(codec?.['mimeType'])?.replace(/^video\//, ''),
    decoder: text(entry['decoderImplementation']),
  };
}

function readPath(pair: Entry, entries: ReadonlyMap<string, Entry>): PathSample {
  const local = entries.get(text(pair['localCandidateId']) ?? '');
  const remote = entries.get(text(pair['remoteCandidateId']) ?? '');
  return {
    local: text(local?.['candidateType']) ?? 'unknown',
    remote: text(remote?.['candidateType']) ?? 'unknown',
    protocol: text(local?.['relayProtocol']) ?? text(local?.['protocol']),
    roundTrip: number(pair['currentRoundTripTime']),
  };
}

function number(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
