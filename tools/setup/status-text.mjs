/**
 * One line for people.
 *
 * @param {{ agent: boolean, signaling: boolean, status?: object }} state which parts are up, and
 *   the host agent's newest status message (apps/host-agent/src/status.ts)
 */
export function statusText({ agent, signaling, status = {} }) {
  if (!agent) return '○ the host agent is being restarted…';
  if (!signaling) return '● signaling is being restarted; who watches goes on watching…';
  if (status.problem) return `! ${status.problem}`;
  const viewers = status.viewers ?? 0;
  if (viewers === 0) return '○ ready; nobody is watching';
  const parts = [
    `● ${viewers} ${viewers === 1 ? 'viewer' : 'viewers'}`,
    `${status.width}×${status.height}`,
    `${Math.round(status.fps)} fps`,
    `${(status.bitrateBps / 1e6).toFixed(1)} Mbit/s`,
    status.encoder,
  ];
  return parts.join(' · ');
}
