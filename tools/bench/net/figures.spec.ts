import { figuresOf, freezes, recovery, refill } from './figures.ts';
import { plot, colourOf } from './plot.ts';
import { parseDecisions, shownFrames } from './record.ts';
import type { Record } from './record.ts';
import { medians, reportTable } from './report.ts';
import { parseLog } from './shaper-log.ts';
import type { Interval, Side } from './shaper-log.ts';

const start = 5_000_000;
const side: Side = {
  inBytes: 0,
  outBytes: 0,
  outTcpBytes: 0,
  outPackets: 0,
  overflowed: 0,
  lost: 0,
  queueBytes: 0,
  queueMs: 0,
  rateBps: 8e6,
  capacityBytes: 100_000,
  delayMs: 20,
  state: 'up',
  waitsUs: [],
};

/** Ten seconds at 8 Mbit/s; a picture each 20 ms; `wait` and `bytes` are asked for each tenth. */
function recordOf({
  wait = () => 5,
  bytes = () => 80_000,
  frozen = () => false,
}: {
  wait?: (ms: number) => number;
  bytes?: (ms: number) => number;
  frozen?: (ms: number) => boolean;
} = {}): Record {
  const intervals = Array.from({ length: 100 }, (_none, i): Interval => {
    const ms = i * 100;
    const down = { ...side, outBytes: bytes(ms), waitsUs: [wait(ms) * 1000] };
    return { us: start + (ms + 100) * 1000, down, up: side };
  });
  const frames = Array.from({ length: 500 }, (_none, i) => i * 20)
    .filter((ms) => !frozen(ms))
    .map((ms) => ({ us: start + ms * 1000, glassMs: 40 }));
  return {
    startUs: start,
    endUs: start + 10e6,
    paints: 500,
    frames,
    intervals,
    lateness: { packets: 1, lateP50Us: 1, lateP99Us: 2, lateMaxUs: 3 },
    decisions: [
      { us: start - 1, bitrateBps: 6e6, reason: 'start', fps: 60, scale: 1 },
      { us: start + 1e6, bitrateBps: 3e6, reason: 'queue-delay', fps: 60, scale: 1 },
      { us: start + 2e6, bitrateBps: 4e6, reason: 'probe', fps: 60, scale: 1 },
    ],
    ways: [{ atMs: 0, rateBps: 8e6, delayMs: 20, state: 'up' }],
    turns: [],
    video: { bytes: 5_000_000, packetsLost: 0, nacks: 0, keyFrames: 0, qp: 30 },
    busyShare: 0.5,
    otherBytes: undefined,
  };
}

test('a steady stream', () => {
  const figures = figuresOf(recordOf());
  expect(figures).toMatchObject({
    glassP50: 40,
    glassP95: 40,
    lateShare: 0,
    queueP50: 5,
    freezes: 0,
    longestGapMs: 0,
    kbps: 4000,
    cutsPerMinute: 6,
  });
  expect(figures.usedShare).toBeCloseTo(0.8);
  expect(figures.fps).toBeCloseTo(50, 0);
  expect(figures.recoveryMs).toBeNaN();
});

test('pictures beyond the way and a tenth of a second are late', () => {
  const record = recordOf();
  const frames = record.frames.map((frame, i) => ({ ...frame, glassMs: i % 4 === 0 ? 121 : 119 }));
  expect(figuresOf({ ...record, frames }).lateShare).toBeCloseTo(0.25, 2);
});

test('a gap counts from more than 100 ms on, at the end too', () => {
  const record = recordOf({
    frozen: (ms) => (ms > 1000 && ms < 1100) || (ms > 2000 && ms < 2300) || ms > 9500,
  });
  expect(freezes(record)).toEqual([
    { fromUs: start + 2000e3, toUs: start + 2300e3 },
    { fromUs: start + 9500e3, toUs: start + 10_000e3 },
  ]);
  expect(figuresOf(record)).toMatchObject({ freezes: 2, longestGapMs: 500, frozenMs: 800 });
});

test('a fall is answered when a whole second has no freeze and no standing queue', () => {
  const turn = { atMs: 2000, kind: 'fall' } as const;
  const queue = (ms: number): number => (ms >= 2000 && ms < 3500 ? 180 : 5);
  expect(recovery(recordOf({ wait: queue }), turn)).toBe(1000); // its median is calm from there on
  const frozen = (ms: number): boolean => ms > 4000 && ms < 4200;
  expect(recovery(recordOf({ wait: queue, frozen }), turn)).toBe(1000);
  const later = (ms: number): boolean => ms > 3500 && ms < 4000;
  expect(recovery(recordOf({ wait: queue, frozen: later }), turn)).toBe(2000);
  expect(recovery(recordOf({ wait: () => 180 }), turn)).toBe(Infinity);
});

test('on a new path, and after an outage, half of the rate has to be there again', () => {
  const bytes = (ms: number): number => (ms >= 2000 && ms < 5000 ? 30_000 : 80_000);
  expect(recovery(recordOf({ bytes }), { atMs: 2000, kind: 'path' })).toBe(2200);
  expect(recovery(recordOf({ bytes }), { atMs: 2000, kind: 'outage' })).toBe(2200);
  expect(recovery(recordOf({ bytes }), { atMs: 2000, kind: 'fall' })).toBe(0);
  const low = (ms: number): number => (ms >= 2000 ? 30_000 : 80_000);
  expect(recovery(recordOf({ bytes: low }), { atMs: 2000, kind: 'path' })).toBe(Infinity);
});

test('a rise is answered when half a second fills four fifths of the link', () => {
  const turn = { atMs: 2000, kind: 'rise' } as const;
  const bytes = (ms: number): number => (ms < 4000 ? 30_000 : 90_000);
  expect(refill(recordOf({ bytes }), turn)).toBe(2500);
  expect(refill(recordOf({ bytes: () => 30_000 }), turn)).toBe(Infinity);
});

test('a paint counts once, and a picture without a code has no time', () => {
  const painted = new Map([[7, 1_000_000]]);
  const frames = [7, null, 7, 8].map((paint, i) => ({ now: 1010 + i, paint }));
  expect(shownFrames(frames, painted, (ms) => ms * 1000)).toEqual([
    { us: 1_010_000, glassMs: 10 },
    { us: 1_011_000, glassMs: null },
    { us: 1_012_000, glassMs: null },
    { us: 1_013_000, glassMs: null },
  ]);
});

test('the decisions are the lines of the log that say rate', () => {
  const log = [
    '(node:1) Warning: something',
    '{"level":30,"time":10,"bitrateBps":5,"reason":"probe","fps":60,"scale":1,"msg":"rate"}',
    '{"level":30,"time":11,"note":"rate","msg":"other"}',
  ].join('\n');
  expect(parseDecisions(log, (ms) => ms + 1)).toEqual([
    { us: 11, bitrateBps: 5, reason: 'probe', fps: 60, scale: 1 },
  ]);
});

test('the log of the shaper ends with how late it was, if it came to that', () => {
  const line = JSON.stringify({ us: 5, down: side, up: side });
  const whole = parseLog(`${line}\n{"packets":9,"lateP50Us":1,"lateP99Us":2,"lateMaxUs":3}\n`);
  expect(whole.intervals).toHaveLength(1);
  expect(whole.lateness?.packets).toBe(9);
  expect(parseLog(`${line}\n{"us":6,"do`)).toMatchObject({
    intervals: [{ us: 5 }],
    lateness: undefined,
  });
});

test('the table has the medians, and says never', () => {
  const runs = [10, 30, 20].map((glassP50) => ({ ...figuresOf(recordOf()), glassP50 }));
  const never = runs.map((run) => ({ ...run, recoveryMs: Infinity, refillMs: 1500 }));
  expect(medians(never)).toMatchObject({ glassP50: 20, recoveryMs: Infinity });
  const [, , row = ''] = reportTable([{ name: 'a', title: 'A', runs: never }]).split('\n');
  const cells = row.split('|').map((cell) => cell.trim());
  expect(cells.slice(1, 3)).toEqual(['A', '20']);
  expect(cells).toContain('never');
  expect(cells).toContain('1.5');
});

test('a plot shows link, target, reasons, freezes and drops, and escapes its title', () => {
  const record = recordOf({ frozen: (ms) => ms > 2000 && ms < 2300 });
  Object.assign(record.intervals[30]?.down ?? {}, { overflowed: 3 });
  const svg = plot('a < b & c', record);
  expect(svg).toMatch(/^<svg [\s\S]*<\/svg>\n$/);
  expect(svg).toContain('a &lt; b &amp; c');
  expect(svg).toContain('>queue-delay</text>');
  expect(svg).toContain('>300</text>'); // of the freeze
  expect(svg).not.toMatch(/NaN|Infinity|undefined/);
  expect(svg.match(/fill="#fed7d7"/g)).toHaveLength(2); // it and its legend
  expect(svg.match(/<rect [^>]*fill="#c53030"/g)).toHaveLength(2);
});

test('reasons have the colours of what they do', () => {
  expect(colourOf('queue-delay')).toBe(colourOf('loss'));
  expect(colourOf('increase')).toBe(colourOf('probe'));
  expect(colourOf('something new')).not.toBe(colourOf('probe'));
});
