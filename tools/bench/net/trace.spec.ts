import { scenarios } from './scenarios.ts';
import { parseScript } from './step.ts';
import { lte, trace, wifi } from './trace.ts';

test.each([
  ['Wi-Fi', wifi],
  ['LTE', lte],
])('a trace of %s stays within what it states', (_name, options) => {
  const steps = trace({ ...options, seconds: 120 });
  expect(steps).toEqual(trace({ ...options, seconds: 120 }));
  const rates = steps.flatMap(({ rateBps }) => (rateBps === undefined ? [] : [rateBps]));
  expect(rates).toHaveLength(120_000 / options.everyMs);
  expect(Math.min(...rates)).toBeGreaterThanOrEqual(
    Math.floor(options.leastBps * options.fadeShare),
  );
  expect(Math.max(...rates)).toBeLessThanOrEqual(options.mostBps);
  expect(Math.max(...rates) / Math.min(...rates)).toBeGreaterThan(4);
  const pauses = steps.filter(({ state }) => state === 'hold');
  const expected = 120 / options.pauseEverySeconds;
  expect(pauses.length).toBeGreaterThan(expected / 2);
  expect(pauses.length).toBeLessThan(expected * 2);
});

test('every pause ends', () => {
  const states = trace({ ...wifi, seconds: 60 }).flatMap(({ state }) => state ?? []);
  expect(states.filter((state) => state === 'hold').length).toBe(
    states.filter((state) => state === 'up').length,
  );
});

test('the shaper can read every scenario, and no name is given twice', () => {
  for (const { link, script } of scenarios) {
    const steps = [...link, ...script(30)];
    expect(parseScript(JSON.stringify(steps))).toEqual(steps);
  }
  const names = scenarios.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
});
