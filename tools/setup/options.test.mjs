import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeOptions, parseOptions } from './options.mjs';
import { parseStart } from './start-options.mjs';

const parse = (...argv) => parseStart(argv, '/from');

test('without options everything has its default', () => {
  const options = parse();
  assert.equal(options.host, '0.0.0.0');
  assert.equal(options.demo, true);
  assert.equal(options.yes, false);
  assert.equal(options.port, undefined);
  assert.equal(options.statusFile, undefined);
});

test('values stand after a space or an equals sign', () => {
  assert.equal(parse('--port', '9000').port, 9000);
  assert.equal(parse('--port=9000').port, 9000);
  assert.equal(parse('--display=:7.0').display, ':7.0');
});

test('file names are relative to where the command was called', () => {
  assert.equal(parse('--status-file', 'a/b.json').statusFile, '/from/a/b.json');
  assert.equal(parse('--config', '/etc/p.json').config, '/etc/p.json');
});

test('--no-demo and --yes are switches', () => {
  const options = parse('--no-demo', '--yes');
  assert.deepEqual([options.demo, options.yes], [false, true]);
  assert.throws(() => parse('--yes=no'), /--yes takes no value/);
  assert.throws(() => parse('--no-demo=1'), { remedy: 'Write --no-demo.' });
  assert.throws(() => parse('-h=1'));
  assert.deepEqual([parse('-h').help, parse('--help').help], [true, true]);
});

test('what stands after -- goes to the host agent', () => {
  const argv = ['--port', '9000', '--', '--set', 'host.video.fps=30'];
  assert.deepEqual(parse(...argv).agentArguments, ['--set', 'host.video.fps=30']);
});

test('an unknown option names the nearest one', () => {
  assert.throws(() => parse('--prot', '1'), {
    message: 'Unknown option --prot.',
    remedy: /--port\?/,
  });
  assert.throws(() => parse('--statusfile', 'x'), { remedy: /--status-file\?/ });
  assert.throws(() => parse('--zzzzzzzz'), { remedy: /--help/ });
  assert.throws(() => parse('--prot=1'), { message: 'Unknown option --prot.', exitCode: 2 });
  assert.throws(() => parse('--nodemo'), { remedy: 'Did you mean --no-demo?' });
});

test('what is no option at all is named as it was typed', () => {
  assert.throws(() => parse('desktop'), { message: 'Unknown option desktop.' });
  assert.throws(() => parse('-x'), { message: 'Unknown option -x.' });
  assert.throws(() => parse('--__proto__'), { message: 'Unknown option --__proto__.' });
});

test('a bad value names the option and what is allowed', () => {
  for (const bad of ['0', '65536', 'http', '-1', '1e3']) {
    assert.throws(() => parse(`--port=${bad}`), { remedy: /1 to 65535/, exitCode: 2 }, bad);
  }
  assert.throws(() => parse('--display', 'screen'), { remedy: /:0/ });
  assert.throws(() => parse('--port'), { message: '--port needs a value.' });
  assert.throws(() => parse('--port', '--yes'), { message: '--port needs a value.' });
  assert.throws(() => parse('--port', '--'), { remedy: 'Write --port P.' });
  assert.throws(() => parse('--port', '-1'), { message: '--port -1 is not allowed.' });
  assert.throws(() => parse('--port', 'x', '--prot'), /--port x/, 'the first mistake is told');
});

test('of an option that is given twice the last one counts; -- alone leaves nothing', () => {
  assert.equal(parse('--port', '9000', '--port=9001').port, 9001);
  assert.equal(parse('--config=--odd.json').config, '/from/--odd.json');
  assert.deepEqual(parse('--yes', '--').agentArguments, []);
  assert.deepEqual(parse('--', '--yes', '--', 'x').agentArguments, ['--yes', '--', 'x']);
});

test('--cert without --https says what to add', () => {
  assert.throws(() => parse('--cert', 'a.pem', '--key', 'b.pem'), { remedy: 'Add --https.' });
});

test('the help lists every option and keeps to 100 columns', () => {
  const options = [
    { name: 'one', value: 'X', about: 'word '.repeat(60).trim() },
    { name: 'two', off: true, about: 'Short.' },
  ];
  const text = describeOptions(options);
  assert.match(text, /--one X/);
  assert.match(text, /--no-two/);
  assert.ok(text.split('\n').every((line) => line.length <= 100));
  assert.deepEqual(parseOptions(options, ['--no-two']).values, { two: false });
});
