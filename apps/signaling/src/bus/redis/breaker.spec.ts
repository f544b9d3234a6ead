import { Breaker } from './breaker.ts';

let now = 0;
let breaker: Breaker;
beforeEach(() => {
  now = 0;
  breaker = new Breaker({
    now: () => now,
    fraction: () => 0.5,
    failures: 3,
    openMs: 100,
    maxOpenMs: 300,
  });
});
const fail = (times: number) => {
  for (let count = 0; count < times; count += 1) breaker.failed();
};

test('failures in a row open it, a success between them does not let it', () => {
  fail(2);
  breaker.succeeded();
  fail(2);
  expect(breaker.state).toBe('closed');
  fail(1);
  expect(breaker.state).toBe('open');
  expect(breaker.closed).toBe(false);
  expect(breaker.retryAfterMs).toBe(100);
});

test('one probe goes when the wait is over, and its success closes it', () => {
  fail(3);
  expect(breaker.probe()).toBe(false);
  now = 100;
  expect(breaker.probe()).toBe(true);
  expect(breaker.state).toBe('half-open');
  expect(breaker.probe()).toBe(false);
  expect(breaker.closed).toBe(false);
  breaker.succeeded();
  expect(breaker.state).toBe('closed');
  expect(breaker.probe()).toBe(true);
});

test('a probe that fails opens it for longer, up to the bound', () => {
  fail(3);
  for (const wait of [200, 300, 300]) {
    now += breaker.retryAfterMs;
    expect(breaker.probe()).toBe(true);
    breaker.failed();
    expect(breaker.retryAfterMs).toBe(wait);
  }
});

test('late answers and late failures of an open breaker change nothing', () => {
  fail(3);
  breaker.succeeded();
  fail(5);
  expect(breaker.state).toBe('open');
  expect(breaker.retryAfterMs).toBe(100);
});

test('news of the server lets the probe go at once', () => {
  fail(3);
  breaker.hint();
  expect(breaker.probe()).toBe(true);
});
