import { parseMetrics, readInfo, sum } from './usage.ts';

const TEXT = `# HELP signaling_connections Open WebSockets, by protocol.
# TYPE signaling_connections gauge
signaling_connections{protocol="original"} 2
signaling_connections{protocol="v2"} 40
signaling_connections_pending 7
signaling_messages_relayed_total{type="offer",path="local"} 3
signaling_messages_relayed_total{type="offer",path="remote"} 5
`;

describe('what is read of a node', () => {
  it('adds up the series of a metric, and of no other that begins the same', () => {
    const metrics = parseMetrics(TEXT);
    expect(sum(metrics, 'signaling_connections')).toBe(42);
    expect(sum(metrics, 'signaling_connections_pending')).toBe(7);
    expect(sum(metrics, 'signaling_messages_relayed_total', 'path="remote"')).toBe(5);
    expect(sum(metrics, 'none')).toBe(0);
  });

  it('reads what Redis says of itself', () => {
    const text =
      'used_memory:2097152\r\nused_cpu_sys:0.5\r\nused_cpu_user:1.25\r\ntotal_commands_processed:12\r\n';
    expect(readInfo(text)).toEqual({ cpuMs: 1750, commands: 12, memoryMB: 2 });
  });
});
