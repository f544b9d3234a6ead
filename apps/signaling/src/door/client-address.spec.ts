import { budgetKey, limitKey } from './client-address.ts';

const page = (origin: string | undefined, host = 'localhost:3002') => ({ origin, host });

test.each(['127.0.0.1', '127.8.0.1', '::1'])('on %s pages do not count as programs do', (ip) => {
  const program = budgetKey(ip, page(undefined));
  const own = budgetKey(ip, page('http://localhost:3002'));
  const other = budgetKey(ip, page('https://evil.example'));
  expect(program).toBe(limitKey(ip));
  expect(new Set([program, own, other]).size).toBe(3);
  // However many names a site has.
  expect(budgetKey(ip, page('https://more.evil.example'))).toBe(other);
  expect(budgetKey(ip, page('null'))).toBe(other);
  expect(budgetKey(ip, page('http://127.0.0.1:8080'))).toBe(other);
});

test('a site whose name was made to lead to this machine is not its own page', () => {
  const rebound = budgetKey('127.0.0.1', page('http://evil.example:3002', 'evil.example:3002'));
  expect(rebound).toBe(budgetKey('127.0.0.1', page('https://evil.example')));
});

test.each(['192.0.2.1', '2001:db8::1'])('%s counts as one, whatever speaks there', (ip) => {
  expect(budgetKey(ip, page('https://evil.example'))).toBe(budgetKey(ip, page(undefined)));
});
