import { parseScript, turns, ways } from './step.ts';
import type { Step } from './step.ts';

const link: Step[] = [
  { atMs: 0, direction: 'up', rateBps: 1e6 },
  { atMs: 0, direction: 'down', rateBps: 8e6, queueBytes: 200_000 },
  { atMs: 0, direction: 'both', delayMs: 20 },
];

test('a script is read, and keeps its order', () => {
  const steps = parseScript(
    '[{"atMs": 5, "direction": "down", "rateBps": 2e6}, {"atMs": 1, "direction": "up", "state": "hold"}]',
  );
  expect(steps).toEqual([
    { atMs: 5, direction: 'down', rateBps: 2e6 },
    { atMs: 1, direction: 'up', state: 'hold' },
  ]);
});

test.each([
  ['{}', 'list'],
  ['[null]', 'step 0'],
  ['[{"direction": "up"}]', 'atMs'],
  ['[{"atMs": 1, "direction": "left"}]', 'direction is "left"'],
  ['[{"atMs": 1, "direction": "up", "rateBps": -1}]', 'rateBps is -1'],
  ['[{"atMs": 1, "direction": "up", "rate": 1}]', 'rate is 1'],
  ['[{"atMs": 1, "direction": "up", "state": "away"}]', 'state is "away"'],
])('%s is refused', (text, reason) => {
  expect(() => parseScript(text)).toThrow(reason);
});

test('the way to the viewer holds what no step changes', () => {
  const script: Step[] = [
    { atMs: 2000, direction: 'both', delayMs: 110 },
    { atMs: 1000, direction: 'down', rateBps: 2e6 },
    { atMs: 3000, direction: 'up', rateBps: 5e6 },
  ];
  expect(ways(link, script)).toEqual([
    { atMs: 0, rateBps: 8e6, delayMs: 20, state: 'up' },
    { atMs: 1000, rateBps: 2e6, delayMs: 20, state: 'up' },
    { atMs: 2000, rateBps: 2e6, delayMs: 110, state: 'up' },
    { atMs: 3000, rateBps: 2e6, delayMs: 110, state: 'up' },
  ]);
});

test('falls, rises, ends of outages and new paths are turns; what only the way back does is none', () => {
  const script: Step[] = [
    { atMs: 1000, direction: 'down', rateBps: 2e6 },
    { atMs: 2000, direction: 'down', rateBps: 8e6 },
    { atMs: 3000, direction: 'both', state: 'drop' },
    { atMs: 4000, direction: 'both', state: 'up' },
    { atMs: 5000, direction: 'both', delayMs: 110 },
    { atMs: 6000, direction: 'up', rateBps: 1e5 },
  ];
  expect(turns(link, script)).toEqual([
    { atMs: 1000, kind: 'fall' },
    { atMs: 2000, kind: 'rise' },
    { atMs: 4000, kind: 'outage' },
    { atMs: 5000, kind: 'path' },
  ]);
});
