/** What the shaper can change, as it reads it; what a step leaves out stays as it was. */
export interface Step {
  /** From the start of the script. */
  readonly atMs: number;
  /** `down`: from the host to the viewer. */
  readonly direction: 'down' | 'up' | 'both';
  /** 0: no limit. */
  readonly rateBps?: number;
  /** One way, behind the queue. */
  readonly delayMs?: number;
  /** Uniform, so much more or less at most; order is kept. */
  readonly jitterMs?: number;
  /** A drawn jitter holds so long: packets of one picture travel together. */
  readonly jitterHoldMs?: number;
  readonly queueBytes?: number;
  /** 0..1, of what leaves the queue. */
  readonly lossShare?: number;
  /** Mean length of a burst, packets (Gilbert). */
  readonly lossBurst?: number;
  /** `hold` keeps packets as a radio that is away, `drop` loses them as a cable pulled out. */
  readonly state?: 'up' | 'hold' | 'drop';
}

/** What of the way to the viewer holds at one time. */
export interface Way {
  readonly rateBps: number;
  readonly delayMs: number;
  readonly state: 'up' | 'hold' | 'drop';
}

export interface Turn {
  readonly atMs: number;
  readonly kind: 'fall' | 'rise' | 'outage' | 'path';
}

const numbers = [
  'atMs',
  'rateBps',
  'delayMs',
  'jitterMs',
  'jitterHoldMs',
  'queueBytes',
  'lossShare',
  'lossBurst',
] as const;

/** A script from a file; throws an error that names what is wrong. */
export function parseScript(text: string): Step[] {
  const list: unknown = JSON.parse(text);
  if (!Array.isArray(list)) throw new Error('a script is a list of steps');
  return list.map((step: Record<string, unknown>, i) => {
    const fail = (key: string): never => {
      throw new Error(`step ${i} of the script: ${key} is ${JSON.stringify(step[key])}`);
    };
    if (typeof step !== 'object' || step === null) throw new Error(`step ${i} is no step`);
    for (const key of Object.keys(step)) {
      if (![...numbers, 'direction', 'state'].includes(key)) fail(key);
    }
    for (const key of numbers) {
      const value = step[key];
      const wanted = key === 'atMs' || value !== undefined;
      if (wanted && !(typeof value === 'number' && value >= 0 && value < 1e12)) fail(key);
    }
    if (!['down', 'up', 'both'].includes(step['direction'] as string)) fail('direction');
    if (!['up', 'hold', 'drop', undefined].includes(step['state'] as string)) fail('state');
    return step as unknown as Step;
  });
}

/** The way to the viewer from each step on, in order of time; the first begins at 0. */
export function ways(link: readonly Step[], script: readonly Step[]): (Way & { atMs: number })[] {
  let now: Way = { rateBps: 0, delayMs: 0, state: 'up' };
  const apply = ({ direction, rateBps, delayMs, state }: Step): void => {
    if (direction === 'up') return;
    now = {
      rateBps: rateBps ?? now.rateBps,
      delayMs: delayMs ?? now.delayMs,
      state: state ?? now.state,
    };
  };
  link.forEach(apply);
  const all = [{ atMs: 0, ...now }];
  for (const step of [...script].sort((a, b) => a.atMs - b.atMs)) {
    apply(step);
    all.push({ atMs: step.atMs, ...now });
  }
  return all;
}

/** What a controller has to answer: falls, rises, ends of outages, and other paths. */
export function turns(link: readonly Step[], script: readonly Step[]): Turn[] {
  const all = ways(link, script);
  return all.flatMap(({ atMs, ...way }, i): Turn[] => {
    const before = all[i - 1];
    if (before === undefined || way.state !== 'up') return [];
    if (before.state !== 'up') return [{ atMs, kind: 'outage' }];
    if (way.rateBps < before.rateBps) return [{ atMs, kind: 'fall' }];
    if (way.rateBps > before.rateBps) return [{ atMs, kind: 'rise' }];
    return way.delayMs === before.delayMs ? [] : [{ atMs, kind: 'path' }];
  });
}
