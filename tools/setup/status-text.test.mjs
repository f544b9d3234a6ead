import assert from 'node:assert/strict';
import { test } from 'node:test';
import { statusText } from './status-text.mjs';

const up = { agent: true, signaling: true };
const status = { viewers: 2, width: 1280, height: 720, fps: 59.6, bitrateBps: 3_940_000 };

test('the status line says who watches and how it goes', () => {
  assert.equal(
    statusText({ ...up, status: { ...status, encoder: 'libx264' } }),
    '● 2 viewers · 1280×720 · 60 fps · 3.9 Mbit/s · libx264',
  );
  assert.match(statusText({ ...up, status: { ...status, viewers: 1 } }), /1 viewer ·/);
  assert.equal(statusText(up), '○ ready; nobody is watching');
});

test('a part that is down, and a problem, come before figures', () => {
  assert.match(statusText({ agent: false, signaling: true, status }), /host agent is being/);
  assert.match(statusText({ agent: true, signaling: false, status }), /signaling is being/);
  assert.equal(statusText({ ...up, status: { ...status, problem: 'no luck' } }), '! no luck');
});
