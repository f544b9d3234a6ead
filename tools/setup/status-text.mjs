/** The host agent's status message as one line for people. Absent figures are left out. */
export function statusText({ agent, signaling, status = {} }) {
  if (!agent) return '● the host agent is being restarted…';
  if (!signaling) return '● signaling is being restarted; running sessions go on…';
  const viewers = status.viewers ?? 0;
  if (viewers === 0) return '○ ready, nobody is watching';
  const parts = [`● ${viewers} ${viewers === 1 ? 'viewer' : 'viewers'}`];
  if (isNumber(status.fps)) parts.push(`${Math.round(status.fps)} fps`);
  if (isNumber(status.bitrateBps)) parts.push(`${(status.bitrateBps / 1e6).toFixed(1)} Mbit/s`);
  if (isNumber(status.rttMs)) parts.push(`RTT ${status.rttMs.toFixed(1)} ms`);
  if (isNumber(status.lossFraction)) parts.push(`loss ${(status.lossFraction * 100).toFixed(1)} %`);
  return parts.join(' · ');
}

function isNumber(value) {
  return typeof value === 'number' && Number.isFinite(value);
}
