import { addressFault, configuredSignaling, ownSignaling } from './settings.ts';

const page = (href: string) => new URL(href);

describe('addressFault', () => {
  const https = page('https://desk.example/');
  it('takes ws and wss addresses', () => {
    expect(addressFault('wss://signal.example', https)).toBeUndefined();
    expect(addressFault('ws://192.0.2.1:3002/', page('http://192.0.2.1/'))).toBeUndefined();
    expect(addressFault('http://signal.example', https)).toBe('not-an-address');
    expect(addressFault('signal.example', https)).toBe('not-an-address');
  });
  it('knows what browsers forbid on https pages', () => {
    expect(addressFault('ws://signal.example', https)).toBe('mixed-content');
    expect(addressFault('ws://localhost:3002', https)).toBeUndefined();
  });
});

describe('ownSignaling', () => {
  it('is the folder of the page', () => {
    expect(ownSignaling(page('https://desk.example:8443/desk/?x#c=A'), false)).toBe(
      'wss://desk.example:8443/desk/',
    );
    expect(ownSignaling(page('https://desk.example/desk/index.html'), false)).toBe(
      'wss://desk.example/desk/',
    );
    expect(ownSignaling(page('http://192.0.2.1:3000/'), false)).toBe('ws://192.0.2.1:3000/');
  });
  it('is the usual port when the dev server has the page', () => {
    expect(ownSignaling(page('http://127.0.0.1:5173/'), true)).toBe('ws://127.0.0.1:3002/');
  });
});

describe('configuredSignaling', () => {
  const at = page('https://desk.example/app/index.html');
  const answer = (body: string, status = 200) =>
    (async () => new Response(body, { status })) as typeof fetch;
  it('reads the file beside the page', async () => {
    const seen: string[] = [];
    const load = (async (url: URL) => {
      seen.push(url.href);
      return new Response('{"signalingUrl":"wss://s.example"}');
    }) as unknown as typeof fetch;
    expect(await configuredSignaling(at, load)).toBe('wss://s.example');
    expect(seen).toEqual(['https://desk.example/app/config.json']);
  });
  it('does without', async () => {
    const none = async (load: typeof fetch) =>
      expect(await configuredSignaling(at, load)).toBe(undefined);
    await none(answer('', 404));
    await none(answer('<!doctype html>'));
    await none(answer('{"signalingUrl":7}'));
    await none(answer('null'));
    await none(() => Promise.reject(new TypeError('offline')));
  });
});
