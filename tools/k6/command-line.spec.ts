import { UsageError, parseCommandLine } from './command-line.ts';
import { SCENARIOS } from './scenarios.ts';

const refused = (...argv: string[]): string => {
  try {
    parseCommandLine(argv);
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
  throw new Error('allowed');
};

describe('the command line', () => {
  it('starts two nodes with Redis where it says nothing else', () => {
    const { nodes, bus, urls, runs } = parseCommandLine(['churn']);
    expect({ nodes, bus, urls }).toEqual({ nodes: 2, bus: 'redis', urls: [] });
    expect(runs.map(({ scenario }) => scenario.name)).toEqual(['churn']);
    expect(runs[0]?.env).toMatchObject({ ROOMS: '500', PROTOCOL: 'v2' });
  });

  it('puts its figures over those of the scenario', () => {
    const { runs } = parseCommandLine(['room-bursts', '--rooms', '7', '--duration=2.5']);
    expect(runs[0]?.env).toMatchObject({ ROOMS: '7', DURATION: '2.5' });
  });

  it('runs a little of every scenario as a smoke test', () => {
    const { runs } = parseCommandLine(['smoke']);
    expect(runs.map(({ scenario }) => scenario)).toEqual(SCENARIOS);
    expect(runs.every(({ env }) => Number(env['DURATION']) <= 5)).toBe(true);
  });

  it('leaves the storm out of the smoke where no node can be killed', () => {
    for (const more of [
      ['--url', 'wss://a'],
      ['--bus', 'memory'],
      ['--protocol', 'original'],
    ]) {
      const names = parseCommandLine(['smoke', ...more]).runs.map(({ scenario }) => scenario.name);
      expect(names).not.toContain('reconnect-storm');
    }
  });

  it('takes addresses without the slash at their end', () => {
    const { urls } = parseCommandLine(['churn', '--url', 'wss://a.example/,ws://b:3002']);
    expect(urls).toEqual(['wss://a.example', 'ws://b:3002']);
  });

  it('helps without a scenario', () => {
    expect(parseCommandLine(['--help']).help).toBe(true);
  });

  it.each([
    [['no such'], /no scenario no such: name one of room-bursts, .*smoke/],
    [[], /no scenario: name one of/],
    [['churn', 'smoke'], /one scenario at a time/],
    [['churn', '--nodes', '3'], /--nodes 3: 1 or 2 is allowed/],
    [['churn', '--bus', 'kafka'], /--bus kafka: redis or memory/],
    [['churn', '--bus', 'memory', '--nodes', '2'], /one node/],
    [['churn', '--rooms=-4'], /--rooms -4: a number above 0/],
    [['churn', '--rooms', '1e9x'], /--rooms 1e9x: a number above 0/],
    [['churn', '--rate', '0'], /--rate 0: a number above 0/],
    [['churn', '--url', 'https://a'], /--url https:\/\/a: .*ws:\/\/ or wss:\/\//],
    [['churn', '--protocol', 'v3'], /--protocol v3: v2 or original/],
    [['churn', '--speed', '3'], /--speed.*--help/s],
    [['reconnect-storm', '--url', 'ws://a'], /leave --url out/],
    [['reconnect-storm', '--bus', 'memory'], /die with their node/],
    [['reconnect-storm', '--protocol', 'original'], /no way back/],
  ])('refuses %j', (argv, message) => {
    expect(refused(...argv)).toMatch(message);
  });
});
