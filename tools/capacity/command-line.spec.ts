import { UsageError, parseCommandLine } from './command-line.ts';

describe('the command line', () => {
  it('plans for 1k, 100k and 1M rooms where it says nothing else', () => {
    const { demands, measure, benchFile } = parseCommandLine([]);
    expect(demands.map(({ rooms }) => rooms)).toEqual([1000, 100_000, 1_000_000]);
    expect([measure, benchFile]).toEqual([undefined, undefined]);
  });

  it('takes figures of its own', () => {
    const argv = ['--rooms', '7', '--minutes', '5', '--sticky', '--use', '0.7', '--measure'];
    const { demands, rules, measure } = parseCommandLine(argv);
    expect(demands).toMatchObject([{ rooms: 7, sessionMinutes: 5, sticky: true }]);
    expect(rules.utilisation).toBe(0.7);
    expect(measure).toBe(20_000);
  });

  it.each([
    [['--rooms', 'many'], /--rooms many: a number above 0/],
    [['--rooms', '10,'], /--rooms : a number above 0/],
    [['--minutes', '0'], /--minutes 0: a number above 0/],
    [['--use', '1.5'], /--use 1.5: a share of at most 0.9/],
    [['--nodes', '3'], /--nodes.*--help/s],
    [['100'], /--help/],
  ])('refuses %j', (argv, message) => {
    expect(() => parseCommandLine(argv)).toThrow(UsageError);
    expect(() => parseCommandLine(argv)).toThrow(message);
  });
});
