import { serverOf, TrustedServers } from './trusted-servers.ts';

function storage(): Storage {
  const items = new Map<string, string>();
  return {
    getItem: (key: string) => items.get(key) ?? null,
    setItem: (key: string, value: string) => void items.set(key, value),
  } as Storage;
}

describe('TrustedServers', () => {
  it('knows a server by scheme, name and port, after a reload too', () => {
    const tab = storage();
    const servers = new TrustedServers(() => tab);
    expect(servers.has('wss://a.example/desk/')).toBe(false);
    servers.add('wss://a.example/desk/');
    expect(servers.has('wss://a.example/')).toBe(true);
    expect(servers.has('ws://a.example/')).toBe(false);
    expect(servers.has('wss://a.example:8443/')).toBe(false);
    expect(new TrustedServers(() => tab).has('wss://a.example/')).toBe(true);
  });

  it('works where nothing may be stored, and does not trip over what others stored', () => {
    const servers = new TrustedServers(() => {
      throw new Error('forbidden');
    });
    servers.add('wss://a.example/');
    expect(servers.has('wss://a.example/')).toBe(true);
    const tab = storage();
    tab.setItem('peerdeck.servers', '{');
    expect(new TrustedServers(() => tab).has('wss://a.example/')).toBe(false);
  });

  it('names a server without its path', () => {
    expect(serverOf('wss://a.example:8443/desk/?x#y')).toBe('wss://a.example:8443');
  });
});
