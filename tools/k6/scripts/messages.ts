import type { Message } from './client.ts';

/** Messages of a session's start, of the sizes that browsers make. */

const SDP_BYTES = 3000;
export const CANDIDATES = 8;

const SDP = ['v=0', 'o=- 1 2 IN IP4 127.0.0.1', 's=-', 't=0 0']
  .concat(Array.from({ length: 60 }, (_, i) => `a=rtpmap:${i} placeholder/90000`))
  .join('\r\n')
  .padEnd(SDP_BYTES, '-');

export type Protocol = 'v2' | 'original';

export function description(
  protocol: Protocol,
  type: 'offer' | 'answer',
  session: string,
  to?: string,
): Message {
  return { type, sdp: SDP, ...addressed(protocol, session, to) };
}

export function candidate(
  protocol: Protocol,
  index: number,
  session: string,
  to?: string,
): Message {
  const text = `candidate:${index} 1 udp 2113937151 192.0.2.${index} 50000 typ host generation 0`;
  const place = { sdpMid: '0', sdpMLineIndex: 0 };
  return { type: 'candidate', candidate: text, ...place, ...addressed(protocol, session, to) };
}

/** Which of `candidate`'s a message is. */
export function candidateIndex(message: Message): number {
  return Number(/^candidate:(\d+) /.exec(String(message['candidate']))?.[1] ?? -1);
}

/** A message that says when it was sent, and which it is, of about `bytes`. */
export function stamped(
  sentAt: number,
  number: number,
  bytes: number,
  to: string | undefined,
): Message {
  const payload = { sentAt, number, pad: '' };
  payload.pad = 'x'.repeat(Math.max(0, bytes - 120));
  return { type: 'control', action: 'load', payload, ...(to === undefined ? {} : { to }) };
}

function addressed(protocol: Protocol, session: string, to?: string): object {
  if (protocol === 'original') return {};
  return { session, ...(to === undefined ? {} : { to }) };
}
