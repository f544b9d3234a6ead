import { helpText, parseCommandLine, parseLogLevel, UsageError } from './cli.ts';

describe('parseCommandLine', () => {
  it('reads values apart and inline, switches and settings', () => {
    expect(
      parseCommandLine([
        '--config=a.json',
        '--display',
        ':7',
        '--set',
        'host.video.fps=30',
        '--set=host.name=x=y',
        '--signaling-url',
        'ws://h:1',
        '--new-code',
        '--log-level',
        'debug',
        '--print-config',
      ]),
    ).toEqual({
      command: 'print-config',
      configFile: 'a.json',
      identityFile: undefined,
      newCode: true,
      logLevel: 'debug',
      settings: {
        'host.display': ':7',
        'host.video.fps': '30',
        'host.name': 'x=y',
        'client.serverUrlBase': 'ws://h:1',
      },
    });
    expect(parseCommandLine([])).toMatchObject({ command: 'run', newCode: false, settings: {} });
  });

  it.each([
    [['--dispaly', ':1'], /--dispaly: unknown flag\. Did you mean "--display"\?/],
    [['desktop'], /"desktop" is not a flag/],
    [['--display'], /--display needs a value: --display :N/],
    [['--display', '--doctor'], /--display needs a value: --display :N/],
    [['-d'], /-d: unknown flag/],
    [['--doctor=yes'], /--doctor takes no value/],
    [['--set', 'fps'], /KEY=VALUE/],
    [['--log-level', 'inof'], /"inof" is not one of .*Did you mean "info"\?/],
  ])('refuses %j with a remedy', (args, message) => {
    expect(() => parseCommandLine(args)).toThrow(message);
    expect(() => parseCommandLine(args)).toThrow(UsageError);
    expect(() => parseCommandLine(args)).toThrow(/--help/);
  });

  it('takes an empty log level as none', () => {
    expect(parseLogLevel('', 'PEERDECK_LOG_LEVEL')).toBeUndefined();
  });

  it('helps with every flag', () => {
    for (const name of ['--config FILE', '--doctor', '--identity FILE', '--web-url URL']) {
      expect(helpText()).toContain(name);
    }
  });
});
