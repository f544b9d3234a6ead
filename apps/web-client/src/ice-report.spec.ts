import { candidateKind, explainNoPath, IceTally, type IceReport } from './ice-report.ts';

const line = (address: string, rest: string) =>
  `candidate:1 1 udp 2122260223 ${address} 50000 typ ${rest}`;

describe('candidateKind', () => {
  it('reads the kind and tells hidden addresses', () => {
    expect(candidateKind(line('192.0.2.1', 'host generation 0'))).toBe('host');
    expect(candidateKind(line('1b2c.local', 'host'))).toBe('mdns');
    expect(candidateKind(line('192.0.2.1', 'srflx raddr 0.0.0.0 rport 0'))).toBe('srflx');
    expect(candidateKind(line('192.0.2.1', 'relay'))).toBe('relay');
    expect(candidateKind('')).toBeUndefined();
    expect(candidateKind('candidate:1 1 udp 1 192.0.2.1 1 typ')).toBeUndefined();
  });
});

describe('IceTally', () => {
  it('names each kind once and no address', () => {
    const tally = new IceTally([{ urls: ['stun:stun.example.org', 'turn:turn.example.org'] }]);
    tally.add('local', line('192.0.2.1', 'host'));
    tally.add('local', line('192.0.2.2', 'host'));
    tally.add('remote', line('198.51.100.7', 'relay'));
    tally.add('remote', '');
    expect(tally.report()).toEqual({
      local: ['host'],
      remote: ['relay'],
      servers: ['stun:stun.example.org', 'turn:turn.example.org'],
    });
  });
});

describe('explainNoPath', () => {
  const report = (more: Partial<IceReport>): IceReport => ({
    local: ['mdns'],
    remote: ['host'],
    servers: [],
    ...more,
  });
  it('suggests what is missing', () => {
    expect(explainNoPath(report({})).remedy).toMatch(/STUN and TURN/);
    expect(explainNoPath(report({ servers: ['stun:a'] })).remedy).toMatch(/Add a TURN server/);
    expect(explainNoPath(report({ servers: ['turn:a'] })).remedy).toMatch(/credentials/);
    expect(explainNoPath(report({ local: ['relay'] })).remedy).toMatch(/443/);
    expect(explainNoPath(report({ remote: [] })).cause).toMatch(/no address/);
  });
});
