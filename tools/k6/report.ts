import type { Result } from './run.ts';
import type { NodeUsage } from './usage.ts';

/** What the service took, beside what its clients saw. */
export function report({ nodes, redis, passed }: Result): string {
  const lines = nodes.map(describe);
  if (redis !== undefined) {
    const { cpuMs, commands, memoryBeforeMB, memoryPeakMB } = redis;
    lines.push(
      `  redis: ${seconds(cpuMs)} CPU, ${commands} commands, ` +
        `${memoryBeforeMB.toFixed(1)} to ${memoryPeakMB.toFixed(1)} MB`,
    );
  }
  return `${lines.join('\n')}\n${passed ? 'passed' : 'FAILED'}`;
}

function describe(node: NodeUsage): string {
  const { name, cpuMs, rssBeforeMB, rssPeakMB, connectionsPeak, relayed, redisCommands } = node;
  const messages = relayed.local + relayed.remote;
  const each = messages === 0 ? '' : ` (${((cpuMs * 1000) / messages).toFixed(0)} µs a message)`;
  const commands = Object.entries(redisCommands)
    .filter(([, count]) => count > 0)
    .map(([command, count]) => `${command} ${count}`)
    .join(', ');
  return (
    `  ${name}: ${seconds(cpuMs)} CPU${each}, ${rssBeforeMB.toFixed(0)} to ${rssPeakMB.toFixed(0)} MB, ` +
    `${connectionsPeak} connections at most, relayed ${relayed.local} here, ${relayed.remote} away` +
    (commands === '' ? '' : `\n    sent to Redis: ${commands}`)
  );
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`;
}
