/** What one direction did in a tenth of a second. */
export interface Side {
  inBytes: number;
  outBytes: number;
  outTcpBytes: number;
  outPackets: number;
  /** Packets that found the queue full or the link off, and packets lost behind the queue. */
  overflowed: number;
  lost: number;
  queueBytes: number;
  queueMs: number;
  rateBps: number;
  /** What the link could have carried. */
  capacityBytes: number;
  delayMs: number;
  state: 'up' | 'hold' | 'drop';
  /** Of each packet that left the queue: from its arrival to the end of its sending. */
  waitsUs: number[];
}

export interface Interval {
  /** Its end, CLOCK_MONOTONIC, microseconds. */
  us: number;
  down: Side;
  up: Side;
}

/** How late packets were handed on, against the time that the link owed them. */
export interface Lateness {
  packets: number;
  lateP50Us: number;
  lateP99Us: number;
  lateMaxUs: number;
}

export interface ShaperLog {
  intervals: Interval[];
  lateness: Lateness | undefined;
}

/** A line that was cut off by the program's end counts for nothing. */
export function parseLog(text: string): ShaperLog {
  const log: ShaperLog = { intervals: [], lateness: undefined };
  for (const line of text.split('\n').slice(0, -1)) {
    const entry = JSON.parse(line) as Interval | Lateness;
    if ('us' in entry) log.intervals.push(entry);
    else log.lateness = entry;
  }
  return log;
}
